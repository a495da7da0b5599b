"""Directions that a page states in words: a measurement that turns one fails the check, and says which."""

import re
from functools import cache
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.prose import render
from bench.prose.cells import Cells, Cited, Origin, read_table
from bench.prose.formats import Formats

TEMPLATE = Path(__file__).parents[2] / "results" / "README.template.md"


@pytest.fixture(scope="module")
def records():
    """Read the records once for all cases."""
    return cache(render._records)


def cited(value):
    return Cited(value, Origin("tables/x.csv", "method = a", "mAP_lead"))


def test_a_difference_is_written_without_its_sign_where_the_words_give_it():
    formats = Formats()
    assert formats.points(cited(0.052)) == "5.2"
    assert formats.points_below(cited(-0.052)) == "5.2"
    assert [reference.text for reference in formats.references] == ["5.2", "5.2"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("points", -0.052, "expected a difference above zero (ahead, more, gains), found −5.20 points"),
        ("points", 0.0, "found 0.00 points"),
        ("points_below", 0.052, "expected a difference below zero (behind, less, loses), found 5.20 points"),
        ("points_below", 0.0, "found 0.00 points"),
        ("points", float("nan"), "found — points"),
        ("points_below", float("nan"), "found — points"),
    ],
)
def test_a_difference_that_turned_is_refused(name, value, told):
    formats = Formats()
    with pytest.raises(BenchError, match=re.escape(told)) as refused:
        getattr(formats, name)(cited(value))
    assert "(tables/x.csv, mAP_lead, cell where method = a)" in str(refused.value)
    assert formats.references == []


TURNED = [
    ("comparison/tables/synthped-demo-ahead.csv", "mAP_lead", lambda frame: -frame["mAP_lead"], "mAP_lead"),
    (
        "statics/tables/synthped-demo-methods.csv",
        "mAP_S4",
        lambda frame: frame["mAP_S4"].max() - frame["mAP_S4"],
        "lie above HashReID's last exit",
    ),
    (
        "photographs/tables/manifest-pku-reid-methods.csv",
        "mAP_S2",
        lambda frame: frame["mAP_S2"] + 0.1,
        "lies above its second",
    ),
    (
        "paper-scale/tables/synthped-market-exits.csv",
        "mAP",
        lambda frame: frame["mAP"].where(frame["method"] != "bot-r18", 0.5),
        "is ahead of everything",
    ),
]


@pytest.mark.parametrize(("file", "column", "turn", "told"), TURNED, ids=[file for file, *_ in TURNED])
def test_a_measurement_that_turns_a_sentence_of_the_results_fails(monkeypatch, records, file, column, turn, told):
    def turned(root, name):
        cells = read_table(root, name)
        if name != file:
            return cells
        return Cells(cells.frame.assign(**{column: turn(cells.frame)}), name)

    monkeypatch.setattr(render, "read_table", turned)
    monkeypatch.setattr(render, "_records", records)
    with pytest.raises(BenchError, match=f"no longer true: .*{re.escape(told)}"):
        render.render_page(TEMPLATE)
