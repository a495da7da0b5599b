"""What cannot be drawn or loaded is named, and the rest of the report is there."""

from importlib.metadata import EntryPoint

import measured

import bench.report.write
from bench.files import write_json
from bench.report.kinds import Kind, figures, tables
from bench.report.write import write_report

FAILS = """
def figure(section):
    return 1 / 0


def rows(section):
    raise LookupError("not here")


NUMBER = 7
"""


def test_broken_figures_and_tables_of_other_packages(write_run, figures_drawn, tmp_path, monkeypatch):
    (tmp_path / "failing.py").write_text(FAILS)
    monkeypatch.syspath_prepend(tmp_path)
    entries = [EntryPoint(name, f"failing:{name}", "bench.figures") for name in ("NUMBER", "NOWHERE")]
    monkeypatch.setattr("bench.report.kinds.entry_points", lambda group: entries if group == "bench.figures" else [])
    own = next(kind for kind in tables() if kind.name == "exits")
    monkeypatch.setattr(
        bench.report.write, "figures", lambda: (Kind("one", "section", "failing:figure"), Kind("two", "setup", "no:x"))
    )
    monkeypatch.setattr(bench.report.write, "tables", lambda: (Kind("three", "section", "failing:rows"), own))
    write_run()
    report = write_report(write_run.results, tmp_path / "report", formats=("svg",))
    said = "\n".join(report.remarks)
    for text in (
        "bench.figures 'NOWHERE' stands for failing:NOWHERE, which cannot be loaded",
        "bench.figures 'NUMBER' stands for failing:NUMBER, which is a int, no bench.report.kinds.Kind",
        "left out: figure one, which cannot be made (ZeroDivisionError: division by zero)",
        "left out: figure two, which cannot be made (ModuleNotFoundError",
        "left out: table three of invented (rendered), which cannot be made (LookupError: not here)",
    ):
        assert text in said
        assert text in report.page.read_text().replace("&#39;", "'")
    assert (report.folder / "tables" / "invented-exits.csv").exists()


def test_a_study_that_tables_can_be_made_of_and_a_figure_cannot(write_run, tmp_path, monkeypatch):
    header, _, _ = write_run(swept=False)
    one_code = [row for row in measured.WAYS if row["way"] == "one code"]
    study = measured.study([measured.accuracy(256)]) | {"coarse_to_fine": one_code, "schema": 1}
    study |= {"evaluation": header["evaluation"]}
    study["dataset"] = {"fingerprint": header["spec"]["fingerprint"], "name": "invented", "rendered": True}
    write_json(write_run.results / "search" / "invented" / "study" / "study.json", study)
    kinds = tuple(kind for kind in figures() if kind.name in ("exits", "coarse-to-fine"))
    monkeypatch.setattr(bench.report.write, "figures", lambda: kinds)
    report = write_report(write_run.results, tmp_path / "report", formats=("svg",))
    assert [remark for remark in report.remarks if "figure coarse-to-fine" in remark]
    assert (report.folder / "figures" / "invented-exits.svg").exists()
