"""A lab's folder: what is drawn where there is more than a figure or a page can hold."""

import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest

import bench.report.write
from bench.findings.chosen import best_setups, left_out
from bench.findings.columns import named
from bench.findings.curves import exit_curve
from bench.findings.sections import sections
from bench.findings.table import CHUNK, MOST_READ, table
from bench.report.figures.anytime import anytime_figure
from bench.report.figures.drawing import Drawing
from bench.report.figures.marks import MOST_SEEDS
from bench.report.figures.training import training_figure
from bench.report.page import MOST_SHOWN
from bench.report.tables.ahead import ahead_table
from bench.report.write import write_report
from bench.runs.load import load


@pytest.fixture
def many(write_run):
    """Five settings of one method; the last exits differ in mAP."""
    for number in range(5):

        def change(header, records, better=number):
            for record in records:
                if record["kind"] == "exit":
                    record["mAP"] = 0.1 * better + 0.01 * record["exit"]

        write_run(network={"bits": number}, swept=False, change=change)
    return write_run.results


def test_the_best_setups_are_drawn_and_the_others_counted(many):
    (section,) = sections(load(many))
    shown = best_setups(section, 2)
    assert [setup.runs[0].spec["network"]["bits"] for setup in shown.setups] == [3, 4]
    assert left_out(section, shown).startswith("Drawn: the 2 of 5 setups")
    assert best_setups(section, 5) is section
    assert not left_out(section, section)


def test_who_is_ahead_says_which_setups_the_test_queries_chose(many, monkeypatch):
    (section,) = sections(load(many))
    whole = ahead_table(section)
    monkeypatch.setattr("bench.report.tables.ahead.best_setups", lambda section: best_setups(section, 2))
    some = ahead_table(section)
    assert (len(whole), len(some)) == (10, 1)
    assert "Compared:" not in whole.note
    assert "Compared: the 2 of 5 setups whose best exit has the highest mAP on the test queries" in some.note
    assert "hold all" not in some.note


def test_the_page_says_what_it_leaves_out_and_the_tables_hold_all(many, tmp_path, monkeypatch):
    calls = []

    def figure(*about):
        calls.append([setup.label for setup in about[0].setups])
        return Drawing("title", "caption.", "description", _empty())

    kinds = bench.report.write.figures()
    chosen = [next(kind for kind in kinds if kind.of == of) for of in ("section", "setup")]
    monkeypatch.setattr(type(chosen[0]), "__call__", lambda self, *about: (figure(*about),))
    monkeypatch.setattr(bench.report.write, "figures", lambda: chosen)
    monkeypatch.setattr(bench.report.write, "tables", lambda: ())
    report = write_report(many, tmp_path / "report", setups=2)
    text = report.page.read_text()
    assert [len(labels) for labels in calls] == [2] * 3
    endings = Counter(path.suffix for path in report.files if path.parent.name == "figures")
    assert endings == {".svg": 3, ".png": 1, ".pdf": 1}
    assert "Figures of single setups are written as SVG alone" in text
    assert "Drawn: the 2 of 5 setups whose best exit has the highest mAP; the tables hold all." in text
    assert "bench report --setups 5" in text
    assert len(re.findall(r'<h3 id="setup-', text)) == 2
    overview = pd.read_csv(tmp_path / "report" / "tables" / "overview.csv")
    assert len(overview) == 5


def _empty():
    from matplotlib.figure import Figure

    return Figure(figsize=(1, 1))


def test_a_table_of_very_many_rows_is_read_whole_from_its_csv_alone():
    count = MOST_READ + 2 * CHUNK + 1
    rows = ({"setup": "a", "value": place} for place in range(count))
    made = table("name", "title", "note.", rows, [named("setup"), named("value", is_number=True)])
    assert made.full["value"].tolist() == list(range(count))
    assert made.csv().count("\n") == count + 1
    assert made.markdown().count("\n| a |") == MOST_READ
    assert f"Shown: the first 1,000 of {count:,} rows; the CSV has all." in made.markdown()
    assert made.latex().count("a & ") == MOST_READ


def test_the_page_has_the_first_rows_of_a_setup_alone(many):
    (section,) = sections(load(many))
    labels = [setup.label for setup in section.setups]
    rows = [{"setup": labels[place % 5], "seed": 0, "value": place} for place in range(5 * MOST_SHOWN + 5)]
    made = table("name", "title", "note.", rows, [named("setup"), named("value", is_number=True)])
    texts, count = made.of_setup(section.setups[1], MOST_SHOWN)
    assert (len(texts), count) == (MOST_SHOWN, MOST_SHOWN + 1)
    assert list(texts.columns) == ["value"]
    assert texts["value"].astype(int).tolist() == list(np.arange(1, 5 * MOST_SHOWN, 5))


def test_very_many_seeds_have_no_line_each(write_run):
    for seed in range(MOST_SEEDS + 2):
        write_run(seed=seed, swept=False)
    (section,) = sections(load(write_run.results))
    (setup,) = section.setups
    drawing = training_figure(section, setup)
    lines = drawing.figure.axes[0].lines
    assert len(lines) == MOST_SEEDS * len({line.get_color() for line in lines})
    assert f"Drawn: lines of {MOST_SEEDS} of the {MOST_SEEDS + 2} seeds." in drawing.caption
    assert len(exit_curve(setup, "mAP").single_seeds) == MOST_SEEDS + 2, "means are over all"
    anytime = anytime_figure(section)
    widths = [line.get_linewidth() for line in anytime.figure.axes[0].lines if line.get_drawstyle() == "steps-post"]
    assert widths.count(0.5) == MOST_SEEDS
    assert f"{MOST_SEEDS} of them where there are more" in anytime.caption
