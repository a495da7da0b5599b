import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.report.cells import Reference, find_cell, read_cell

ROWS = [
    {"setup": "a b", "seed": 0, "mAP": 0.5, "run": "k0"},
    {"setup": "a b", "seed": 1, "mAP": 0.25, "run": "k1"},
    {"setup": "c (x 1, y 2)", "seed": 0, "mAP": 0.75, "run": "k2"},
]
WORDS = (
    st.text(st.characters(categories=["L", "Nd"], include_characters=" -+.,()"), min_size=1).map(str.strip).filter(bool)
)


@given(WORDS, st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=3), WORDS.filter(lambda name: name[0] != "."))
def test_a_reference_reads_as_it_is_written(table, row, column):
    reference = Reference(table, tuple(row), column)
    assert Reference.parse(str(reference)) == reference


def test_a_cell_is_found_with_its_run():
    cell = find_cell(ROWS, Reference.parse("t[setup=a b; seed=1].mAP"))
    assert (cell.value, cell.run) == (0.25, "k1")
    assert find_cell(ROWS, Reference.parse("t[setup=c (x 1, y 2)].mAP")).value == 0.75


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t.mAP", "is no reference"),
        ("t[seed].mAP", "each part of the row is COLUMN=VALUE"),
        ("t[seed=0].mAP", "found 2 of 3; there are seed=0"),
        ("t[seed=7].mAP", "found 0 of 3; there are seed=0; seed=1"),
        ("t[seed=0; setup=a b].rank-1", "has no column 'rank-1'; there are setup, seed"),
        ("t[sed=0].mAP", "has no column 'sed'"),
    ],
)
def test_what_is_no_cell_is_said(text, message):
    with pytest.raises(BenchError) as raised:
        find_cell(ROWS, Reference.parse(text))
    assert message in str(raised.value)


def test_a_cell_of_a_table_on_disk(tmp_path):
    (tmp_path / "t.csv").write_text("setup,mAP,run\na,0.125,k\n", encoding="utf-8")
    assert read_cell(tmp_path, "t[setup=a].mAP").value == "0.125"
    with pytest.raises(BenchError, match="bench report"):
        read_cell(tmp_path, "u[setup=a].mAP")
