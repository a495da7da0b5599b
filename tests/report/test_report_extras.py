"""What is measured apart from runs finds its way into the report: latencies and search studies."""

import json

import pytest
from measured import accuracy, scale, study
from test_latency_report import SIZE, latency

from bench.cost.profiles import write_latency
from bench.report import kinds
from bench.report.write import write_report


@pytest.fixture(scope="module", autouse=True)
def drawn_alone():
    """Figures of what was measured apart: the others are drawn where whole reports are tested."""
    drawn = tuple(kind for kind in kinds.FIGURES if kind.name in ("latency", "search", "scale"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kinds, "FIGURES", drawn)
        yield


@pytest.fixture(scope="module")
def extended(writer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("extended")
    write_run = writer(folder)

    def sized(header, records):
        header["spec"]["recipe"]["input_size"] = SIZE

    header, _, _ = write_run(change=sized)
    write_run(method="dare", exits=3, change=sized)
    results = write_run.results
    write_latency(results, latency())
    write_latency(results, latency("dare", exits=3, batch=64))
    values = study([accuracy(128), accuracy(512)]) | {"schema": 1, "evaluation": header["evaluation"]}
    values["dataset"] |= {"fingerprint": header["spec"]["fingerprint"]}
    for name, change in (("mine", {}), ("other-data", {"dataset": {**values["dataset"], "fingerprint": "ff"}})):
        path = results / "search" / "invented" / name / "study.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values | change))
    for name, text in (("broken", "{"), ("old", json.dumps(values | {"schema": 0})), ("part", '{"schema": 1}')):
        path = results / "search" / "invented" / name / "study.json"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    for name, dataset in (("named", {}), ("elsewhere", {"name": "other"}), ("of-others", {"fingerprint": "ff"})):
        path = results / "scale" / "invented" / name / "scale.json"
        path.parent.mkdir(parents=True)
        record = scale()
        record["dataset"] |= {"name": header["spec"]["dataset"], **dataset}
        record["exact"].append({**record["exact"][0], "images": 10**9, "derived": True})
        path.write_text(json.dumps(record))
    return write_report(results, folder / "out")


def names(report):
    return {path.relative_to(report.folder).as_posix() for path in report.files}


def test_latencies_are_drawn_by_machine_and_batch(extended):
    assert {"figures/invented-latency.svg", "figures/invented-latency-2.pdf", "tables/invented-latency.csv"} <= names(
        extended
    )
    page = extended.page.read_text()
    assert "Accuracy against milliseconds on invented" in page
    assert page.count(">Latency of every exit</p>") == 2  # under each setup, its own rows


def test_studies_of_the_same_data_are_shown(extended):
    found = names(extended)
    assert "figures/invented-search-mine.png" in found
    assert {f"tables/invented-search-mine-code-lengths.{ending}" for ending in ("csv", "md")} <= found
    assert not [name for name in found if "other-data" in name]
    page = extended.page.read_text()
    assert "Accuracy by code length, hashreid-noexit demo" in page
    assert "tables/invented-search-mine-search-times.csv" in page


def test_galleries_of_millions_are_shown(extended):
    found = names(extended)
    assert "figures/invented-scale-named.png" in found
    tables = {f"tables/invented-named-scale-{name}.csv" for name in ("exact", "indexes", "needs", "distractors")}
    assert tables <= found
    assert not [name for name in found if "elsewhere" in name or "of-others" in name]
    needs = (extended.folder / "tables/invented-named-scale-needs.md").read_text()
    # 32 bytes an image, and 300 in the index; of HNSW, no time is derived.
    assert "| 1,000,000,000 | exit 1 | exact | 32.00 | 0.5 | 2.0 |" in needs
    assert "| 1,000,000,000 | exit 1 | hnsw | 300.00 | — | — |" in needs


def test_the_best_points_of_all_methods(extended):
    assert "tables/invented-pareto.csv" in names(extended)
    assert "Best within a budget" in extended.page.read_text()


def test_studies_that_cannot_be_used_are_told_of(extended):
    remarks = [remark for remark in extended.remarks if "search/invented" in remark]
    assert len(remarks) == 3
    assert "schema 0" in " ".join(remarks)


def test_the_same_bytes_again(extended, tmp_path):
    again = write_report(extended.folder.parent / "results", tmp_path, formats=["svg"])
    first = {path.name: path.read_bytes() for path in extended.files}
    drawn = [path for path in again.files if path.suffix == ".svg"]
    assert any("latency" in path.name for path in drawn)
    assert any("search" in path.name for path in drawn)
    for path in drawn:
        assert path.read_bytes() == first[path.name], path.name
