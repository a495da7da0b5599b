import pytest

from bench.errors import BenchError
from bench.findings.cells import Reference, find_cell

ROWS = [
    {"setup": "a b", "seed": 0, "mAP": 0.5, "run": "k0"},
    {"setup": "a b", "seed": 1, "mAP": 0.25, "run": "k1"},
    {"setup": "c (x 1, y 2)", "seed": 0, "mAP": 0.75, "run": "k2"},
]


def test_a_cell_is_found_with_its_run():
    reference = Reference("t", (("setup", "a b"), ("seed", "1")), "mAP")
    cell = find_cell(ROWS, reference)
    assert (cell.value, cell.run) == (0.25, "k1")
    assert str(reference) == "t[setup=a b; seed=1].mAP"


@pytest.mark.parametrize(
    ("row", "column", "message"),
    [
        ((("seed", "0"),), "mAP", "found 2 of 3; there are seed=0"),
        ((("seed", "7"),), "mAP", "found 0 of 3; there are seed=0; seed=1"),
        ((("seed", "0"), ("setup", "a b")), "rank-1", "has no column 'rank-1'; there are setup, seed"),
        ((("sed", "0"),), "mAP", "has no column 'sed'"),
    ],
)
def test_what_is_no_cell_is_said(row, column, message):
    with pytest.raises(BenchError) as raised:
        find_cell(ROWS, Reference("t", row, column))
    assert message in str(raised.value)
