"""Several presets side by side: what is paired, what is not, and numbers that are those of the records."""

import numpy as np
import pytest
from test_legible import off

from bench.findings.claims.contract import NOT_MEASURED
from bench.findings.sections import sections
from bench.findings.sizes import all_sizes, rows_of
from bench.report.figures.sizes import sizes_figures
from bench.report.tables.claims import answers
from bench.report.tables.sizes import sizes_tables
from bench.report.write import write_report
from bench.runs.load import load

METHODS = ("hashreid", "dare", "msdnet", "single")


def scaled(factor=1.0, rendered=True, **spec):
    """Change what is recorded: rendered or not, costs times a factor, further entries of the spec."""

    def change(header, records):
        header["dataset"]["rendered"] = rendered
        header["spec"] |= spec
        for record in records:
            for name in ("realised_cost", "requested_cost"):
                if record.get(name) is not None:
                    record[name] *= factor

    return change


def write(write_run, preset, factor, methods=METHODS, seeds=(0,), **options):
    """Write runs of some methods, a seed apart so that their numbers differ; gives the records."""
    return {
        method: [
            write_run(
                dataset=f"drawn-{preset}",
                fingerprint=preset.ljust(8, "0") * 8,
                method=method,
                preset=preset,
                seed=seed + METHODS.index(method),
                exits=1 if method == "single" else 4,
                swept=method != "single",
                change=scaled(factor),
                **options,
            )[1]
            for seed in seeds
        ]
        for method in methods
    }


def read(write_run):
    return sections(load(write_run.results))


def test_presets_stand_from_the_cheapest_on_and_numbers_are_the_records(write_run):
    written = {
        "small": write(write_run, "small", 4.0),
        "demo": write(write_run, "demo", 1.0, seeds=(0, 1)),
        "a-paper": write(write_run, "a-paper", 30.0),
    }
    (group,) = all_sizes(read(write_run))
    assert [size.name for size in group.sizes] == ["demo", "small", "a-paper"]
    assert group.common == tuple(sorted(METHODS))
    rows = {(row["method"], row["size"]): row for row in rows_of(group)}
    assert len(rows) == 3 * len(METHODS)
    for preset, runs in written.items():
        last = {}
        for method, of_seeds in runs.items():
            row = rows[method, preset]
            exits = np.array([[one["mAP"] for one in records if one["kind"] == "exit"] for records in of_seeds])
            last[method] = exits[:, -1].mean()
            assert row["last_exit_mAP"] == pytest.approx(last[method])
            if method == "single":
                assert np.isnan([row["first_of_last"], row["gain"], row["gap_closed"]]).all()
                continue
            assert row["first_of_last"] == pytest.approx(exits[:, 0].mean() / last[method])
            areas = [
                {one["policy"]: one for one in records if one["kind"] == "curve" and one["thresholding"] == "stream"}
                for records in of_seeds
            ]
            gains = [curves["gs"]["mAP_area"] - curves["random"]["mAP_area"] for curves in areas]
            assert row["gain"] == pytest.approx(np.mean(gains))
            assert row["gain_low"] < row["gain"] < row["gain_high"]
            assert row["gap_closed"] == pytest.approx(np.mean([curves["gs"]["mAP_gap_closed"] for curves in areas]))
        ordered = sorted(last, key=last.get, reverse=True)
        # Methods of equal height share a place.
        assert [last[m] for m in sorted(last, key=lambda m: rows[m, preset]["order"])] == [last[m] for m in ordered]
        assert min(rows[method, preset]["order"] for method in last) == 1


def test_the_figure_and_the_table_are_legible_and_say_what_compares(write_run):
    for preset, factor in (("demo", 1.0), ("small", 4.0), ("larger", 12.0), ("paper", 60.0)):
        write(write_run, preset, factor)
    found = read(write_run)
    (drawing,) = sizes_figures(found)
    assert off(drawing.figure) == []
    assert "heights of mAP do not compare" in drawing.caption
    assert "demo to small: " in drawing.caption
    assert len(drawing.figure.axes) == 4
    (table,) = sizes_tables(found)
    assert table.name == "sizes-drawn"
    assert "heights of mAP do not compare" in table.note
    assert len(table) == 16


def test_what_is_not_alike_is_not_set_side_by_side(write_run):
    write(write_run, "demo", 1.0)
    write(write_run, "small", 4.0, methods=METHODS[:2])
    # Another setup at the same preset: neither stands for the method.
    write(write_run, "small", 4.0, methods=METHODS[:1], network={"bits": 7})
    # Scored otherwise; on photographs; embeddings from elsewhere.
    write(write_run, "paper", 30.0, ap="trapezoid")
    for method in METHODS[:2]:
        write_run(dataset="photographs", method=method, preset="paper", change=scaled(30.0, rendered=False))
        write_run(dataset="drawn-file", method=method, preset="embeddings", change=scaled(1.0, content="ab"))
    (group,) = all_sizes(read(write_run))
    assert [(size.name, sorted(size.setups)) for size in group.sizes] == [("demo", ["dare"]), ("small", ["dare"])]
    assert group.left_out == ("hashreid at small (2 setups)",)


def test_presets_on_one_dataset_are_each_a_size_and_no_claim_pairs_them(write_run):
    for preset in ("demo", "small"):
        write_run(preset=preset)
    write_run(method="dare", preset="small", seed=1, change=scaled(4.0))
    (section,) = read(write_run)
    assert "on" not in [word for size in all_sizes([section])[0].sizes for word in size.name.split()]
    # Of HashReID the shorter name stands for it, preset demo, where there is no DaRe.
    (found,) = [answer for claim, answer in answers(section) if claim.name == "hashreid-dare"]
    assert found.measured == NOT_MEASURED


def test_one_preset_makes_no_part_of_the_page_and_two_make_one(write_run, tmp_path):
    write(write_run, "demo", 1.0, methods=METHODS[-1:], budgets=3)
    report = write_report(write_run.results, tmp_path / "one", formats=())
    assert "presets side by side" not in report.page.read_text()
    assert not list(report.folder.glob("*/sizes*"))
    write(write_run, "small", 4.0, methods=METHODS[-1:], budgets=3)
    report = write_report(write_run.results, tmp_path / "two", formats=())
    assert 'href="#sizes"' in report.page.read_text()
    assert "tables/sizes-drawn.csv" in {file.relative_to(report.folder).as_posix() for file in report.files}
