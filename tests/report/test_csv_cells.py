"""A table's CSV against the one that pandas writes: numbers to the last digit, missing values, kinds of columns."""

import math

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.findings.table import CHUNK, Table

CELLS = {
    "float": st.floats(allow_nan=True, allow_infinity=True),
    "whole": st.integers(-(2**62), 2**62),
    "flag": st.booleans(),
    "text": st.sampled_from(["gs", 'a "b", c', "", " x", "1"]) | st.none(),
    "mixed": st.sampled_from([1, 2.5, "gs", True, None, math.nan, "é"]),
}
ROWS = st.lists(st.fixed_dictionaries(CELLS), max_size=8)


def by_pandas(rows: pd.DataFrame) -> str:
    return rows.to_csv(index=False, lineterminator="\n")


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_as_pandas_writes_it(rows):
    frame = pd.DataFrame(rows, columns=list(CELLS))
    assert Table("t", "T", "", frame, []).csv() == by_pandas(frame)


def test_of_more_rows_than_one_part_holds():
    count = 2 * CHUNK + 1
    frame = pd.DataFrame({"a": range(count), "b": [index / 7 for index in range(count)], "c": "x"})
    table = Table("t", "T", "", frame, [])
    assert [part.count("\n") for part in table.csv_parts()] == [CHUNK + 1, CHUNK, 1]
    assert table.csv() == by_pandas(frame)


def test_one_column_of_missing_values_keeps_its_rows():
    frame = pd.DataFrame({"a": [math.nan, 1.0]})
    assert Table("t", "T", "", frame, []).csv() == by_pandas(frame) == 'a\n""\n1.0\n'
