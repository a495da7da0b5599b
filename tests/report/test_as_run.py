"""What ``bench infer`` kept, in the report: invented records, values in figures and tables."""

import gzip
import re
from dataclasses import replace

import pytest
from matplotlib.collections import LineCollection
from measured import inference

from bench.files import write_json
from bench.findings.inferences import inference_groups
from bench.findings.sections import sections
from bench.inference.records import INFERENCES, write_record
from bench.report.figures.as_run import as_run_figures, energy_figures, server_figures
from bench.report.figures.latencies import latencies_figures, query_times
from bench.report.figures.savings import savings_figures
from bench.report.tables.as_run import as_run_tables
from bench.report.write import write_report
from bench.runs.load import load


@pytest.fixture
def invented(write_run):
    header, _, _ = write_run()
    (section,) = sections(load(write_run.results))
    return section, header["run"]


def lines_of(axes):
    """Points of lines that join two or more budgets."""
    return [line.get_xydata().tolist() for line in axes.lines if len(line.get_xydata()) == 2]


def test_a_line_has_the_budgets_of_one_engine(invented):
    section, run = invented
    records = (inference(run), inference(run, backend="onnxruntime"), inference(run, "offline", batch=32))
    single, offline = sorted(
        as_run_figures(replace(section, inferences=records)), key=lambda one: "offline" in one.part
    )
    for axes, first in zip(single.figure.axes, (56, 66), strict=True):
        assert lines_of(axes) == [[[7, pytest.approx(first)], [9, pytest.approx(first + 4)]]] * 2
    labels = [text.get_text() for text in single.figure.legends[0].get_texts()]
    assert {"torch, float32, 1 thread", "onnxruntime, float32, 1 thread", "full network", "rival"} <= set(labels)
    for text in ("single-stream, batches of 1", "4 queries", "a processor, 1 thread,", "rendered"):
        assert text in single.caption
    assert len(lines_of(offline.figure.axes[0])) == 1


def bars_of(axes):
    """Where horizontal bars begin and end."""
    bars = [segments for segments in axes.collections if isinstance(segments, LineCollection)]
    return [[x for x, _ in segment] for bar in bars for segment in bar.get_segments()]


def test_joules_and_rates_are_drawn_where_they_were_measured(invented):
    section, run = invented
    plain = replace(section, inferences=(inference(run),))
    assert [*energy_figures(plain), *server_figures(plain)] == []
    (energy,) = energy_figures(replace(section, inferences=(inference(run, joules=0.25),)))
    assert [x for x, _ in lines_of(energy.figure.axes[0])[0]] == [0.25, 0.25]
    assert "a counter" in energy.caption
    (server,) = server_figures(replace(section, inferences=(inference(run, "server"),)))
    assert [x for x, _ in lines_of(server.figure.axes[0])[0]] == [80, 80]
    assert "within 50.0 ms" in server.caption
    assert bars_of(server.figure.axes[0]) == [[75, 85]] * 5, "least and greatest of all rounds"


def test_rates_that_were_found_on_one_draw_have_no_bars(invented):
    section, run = invented
    record = inference(run, "server")
    for one in record["contestants"]:
        del one["rate_low"], one["rate_high"]
    (server,) = server_figures(replace(section, inferences=(record,)))
    assert [x for x, _ in lines_of(server.figure.axes[0])[0]] == [80, 80]
    assert bars_of(server.figure.axes[0]) == []


def test_promised_against_realised(invented):
    section, run = invented
    (drawing,) = savings_figures(replace(section, inferences=(inference(run),)))
    by_macs, by_steps = drawing.figure.axes
    assert [[pytest.approx(40), pytest.approx(20)]] * 2 in lines_of(by_macs)
    assert [[pytest.approx(30), pytest.approx(20)]] * 2 in lines_of(by_steps)
    assert by_macs.get_xlim() == by_macs.get_ylim()
    (table,) = as_run_tables(replace(section, inferences=(inference(run),)))
    assert all("counts the policy's own work" in said for said in (drawing.caption, table.note))


def test_latencies_are_those_of_queries_by_exit(invented):
    section, run = invented
    times = query_times(inference(run))
    assert len(times) == 3 * 2 * 4, "the full network and two budgets, two rounds, four queries"
    own = times[(times["contestant"] == "gs, budget 0.25") & (times["exit"] == 1)]
    assert own["milliseconds"].tolist() == [1, 5]
    (drawing,) = latencies_figures(replace(section, inferences=(inference(run),)))
    (axes,) = drawing.figure.axes
    assert axes.get_yscale() == "log"
    assert axes.get_xlabel() == "Exit where the query left"


def test_the_table_has_everybody(invented):
    section, run = invented
    (table,) = as_run_tables(replace(section, inferences=(inference(run),)))
    row = table.shown.set_index("answers").loc["gs, budget 0.25"]
    assert row["left at exits (%)"] == "25 75"
    assert (row["mAP (%)"], row["p90 (ms)"], row["queries a second"]) == ("56.0", "6.50", "142.9")
    assert (row["promised by MACs (%)"], row["realised, network (%)"], row["decisions changed"]) == (
        "40.0",
        "20.0",
        "3",
    )
    assert "J a query" not in row
    assert table.full["exit_fraction_2"].tolist() == [0.75] * 5
    served, *_ = as_run_tables(replace(section, inferences=(inference(run, "server", joules=0.5),)))
    assert served.shown["rate kept a second"].tolist() == ["80.0"] * 5
    assert served.shown["rate kept a second, least"].tolist() == ["75.0"] * 5
    assert served.shown["rate kept a second, greatest"].tolist() == ["85.0"] * 5
    assert served.shown["J a query"].tolist() == ["0.500"] * 5
    assert "of them idle (J)" not in served.shown
    record = inference(run, joules=0.5)
    for one in record["contestants"]:
        one["idle_joules"] = 0.2
    (table,) = as_run_tables(replace(section, inferences=(record,)))
    at = list(table.shown).index("J a query")
    assert list(table.shown)[at : at + 2] == ["J a query", "of them idle (J)"]
    assert table.shown["of them idle (J)"].tolist() == ["0.200"] * 5


def test_rates_stand_beside_the_bound_that_they_keep(invented):
    section, run = invented
    records = (inference(run, "server"), inference(run, "server", backend="openvino"))
    for bound, record in zip((50.0, 62.5), records, strict=True):
        for one in record["contestants"]:
            one["latency_bound"] = bound
    (table,) = as_run_tables(replace(section, inferences=records))
    assert table.shown.groupby("engine")["with p99 within (ms)"].unique().map(list).to_dict() == {
        "openvino, float32, 1 thread": ["62.5"],
        "torch, float32, 1 thread": ["50.0"],
    }
    assert table.shown.columns.tolist().index("with p99 within (ms)") == 12
    (table,) = as_run_tables(replace(section, inferences=(inference(run),)))
    assert "latency_bound" not in table.full


def test_another_seed_or_machine_replaces_no_record(tmp_path):
    """Records that were named before by less are read as they are."""
    record = inference("a" * 64, seed=0)
    others = [{"seed": 1}, {"rounds": 3}, {"queries": 5}, {"evaluation": {"ap": "trapezoid", "signals": "deployed"}}]
    others.append({"provenance": {**record["provenance"], "processor": "another processor"}})
    others += [{"latency_bound": 50.0}, {"latency_bound": 100.0}]
    kept = [write_record(tmp_path, {**record, **other}) for other in ({}, *others, {})]
    assert kept[0] == kept[-1]
    assert len(set(kept)) == 1 + len(others)
    earlier = kept[0].with_name("hashreid-demo-seed0-aaaaaaaa-single-stream-torch-ac875acb.json")
    kept[0].rename(earlier)
    records, remarks = INFERENCES.records(tmp_path)
    assert (len(records), remarks) == (1 + len(others), [])


def test_measurements_of_two_seeds_are_named_by_them(invented):
    section, run = invented
    (group,) = inference_groups(replace(section, inferences=[inference(run, seed=seed) for seed in (0, 1)]))
    assert re.fullmatch(r"Of the measurement: Runs: [0-9a-f ]+\. .*Of the sweep:", group.origin)
    assert list(group.records) == [f"torch, float32, 1 thread, seed {seed}" for seed in (0, 1)]


def test_measurements_of_two_latency_bounds_are_named_by_them(invented):
    section, run = invented
    asked = [{**inference(run, "server"), **bound} for bound in ({"latency_bound": 50.0}, {"latency_bound": 100.0}, {})]
    (group,) = inference_groups(replace(section, inferences=asked))
    found = {name.rpartition(", ")[2]: record.get("latency_bound") for name, record in group.records.items()}
    assert found == {"p99 within 50 ms": 50.0, "p99 within 100 ms": 100.0, "p99 within five times one query's": None}


def test_damaged_and_foreign_records_cost_a_remark(write_run, figures_drawn, tmp_path):
    figures_drawn("as-run", "savings", "latencies")
    header, _, _ = write_run()
    folder = write_run.results / "inference"
    write_json(folder / "a.json", inference(header["run"]))
    write_json(folder / "b.json", inference("of another run"))
    write_json(folder / "c.json", {"schema": 1})
    write_json(folder / "d.json", {**inference(header["run"]), "contestants": [{}]})
    (folder / "e.json").write_text((folder / "a.json").read_text().replace('"gallery": 100', '"gallery": 900'))
    records, remarks = INFERENCES.records(write_run.results)
    assert len(records) == 2
    packed = (folder / "b.json").read_bytes()
    (folder / "b.json").unlink()
    (folder / "b.json.gz").write_bytes(gzip.compress(packed))
    (folder / "f.json.gz").write_bytes(gzip.compress(packed)[:-9])
    (folder / "g.json.gz").write_bytes(gzip.compress(packed.replace(b'"gallery": 100', b'"gallery": 900')))
    again, cut = INFERENCES.records(write_run.results)
    assert again == records, "a packed record is read as it was"
    assert "f.json.gz is no whole .gz archive" in cut[-2]
    assert "g.json.gz is damaged" in cut[-1]
    (folder / "f.json.gz").unlink()
    (folder / "g.json.gz").unlink()
    assert [remark.split()[2] for remark in remarks[:2]] == ["inference/c.json", "inference/d.json"]
    assert remarks[2:] == [remark for remark in remarks if remark.startswith("left out: cannot read inference/e.json")]
    assert len(remarks) == 3
    report = write_report(write_run.results, tmp_path / "out", formats=("svg",))
    assert set(remarks) <= set(report.remarks)
    assert [one["run"] for one in report.sections[0].inferences] == [header["run"]], "the other run is not here"
    names = [path.name for path in report.files]
    for kind in ("as-run", "savings", "latencies"):
        assert any(kind in name and name.endswith(".svg") for name in names)
    assert sum(name.endswith("as-run.csv") for name in names) == 1


def test_other_evaluations_are_other_sections(write_run):
    header, _, _ = write_run()
    record = inference(header["run"], evaluation={"ap": "trapezoid", "signals": "deployed"})
    (section,) = sections(load(write_run.results), (), (), [record])
    assert section.inferences == ()
