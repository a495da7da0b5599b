"""Cells of tables that claims are read from: found by as many columns as single out a row, or not measured."""

import math

import pandas as pd
import pytest

from bench.findings.claims.contract import Evidence, NotMeasured
from bench.findings.table import Table

ROWS = [
    {"setup": "a b", "seed": 0, "mAP": 0.5, "run": "k0"},
    {"setup": "a b", "seed": 1, "mAP": 0.25, "run": "k1"},
    {"setup": "c (x 1, y 2)", "seed": 0, "mAP": math.nan, "run": "k2"},
]


@pytest.fixture
def evidence():
    kept = Table("t", "", "", pd.DataFrame(ROWS), ())
    return Evidence(None, lambda kind, _: [kept] if kind == "exits" else [])


def test_a_cell_is_found_with_its_run(evidence):
    cell = evidence.cell("exits", "mAP", setup="a b", seed=1)
    assert (cell.value, cell.run) == (0.25, "k1")
    assert str(cell.reference) == "t[setup=a b; seed=1].mAP"


@pytest.mark.parametrize(
    ("kind", "column", "row"),
    [
        ("exits", "mAP", {"setup": "a b"}),
        ("exits", "mAP", {"seed": 7}),
        ("exits", "mAP", {"setup": "c (x 1, y 2)"}),
        ("exits", "rank-1", {"setup": "a b", "seed": 0}),
        ("exits", "mAP", {"sed": 0}),
        ("auc", "mAP", {"seed": 1}),
    ],
)
def test_where_not_one_row_fits_or_it_has_no_value_nothing_was_measured(evidence, kind, column, row):
    with pytest.raises(NotMeasured):
        evidence.cell(kind, column, **row)
