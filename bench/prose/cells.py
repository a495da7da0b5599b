"""Cells of tables that prose refers to: every number knows the file, the rows and the column that it is from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.errors import ParserError, UndefinedVariableError

from bench.errors import BenchError
from bench.report.beside import check_beside


@dataclass(frozen=True)
class Origin:
    """Where a number is from: a file or folder, which of its rows, which column, and how several became one."""

    file: str
    rows: str
    column: str
    how: str = "cell"


class Cited(float):
    """A number with its origin. Only a format (:mod:`bench.prose.formats`) makes text of it."""

    origin: Origin

    def __new__(cls, value: float, origin: Origin) -> Cited:
        """Give a number its origin."""
        made = super().__new__(cls, value)
        made.origin = origin
        return made

    def __sub__(self, other: float) -> float:
        """Subtract a cited number: the difference is cited, too."""
        return self._with(other, "−", super().__sub__(other))

    def __truediv__(self, other: float) -> float:
        """Divide by a cited number: the ratio is cited, too."""
        return self._with(other, "÷", super().__truediv__(other))

    def _with(self, other: float, sign: str, value: float) -> float:
        if not isinstance(other, Cited):
            return value
        one, two = self.origin, other.origin
        pairs = zip((one.file, one.rows, one.column, one.how), (two.file, two.rows, two.column, two.how), strict=True)
        return Cited(value, Origin(*(a if a == b else f"{a} {sign} {b}" for a, b in pairs)))


@dataclass(frozen=True)
class CitedText:
    """A cell that holds text, with its origin."""

    text: str
    origin: Origin


@dataclass(frozen=True, eq=False)
class Cells:
    """Rows of one table or of the records of several runs, narrowed down step by step.

    ``rows`` says in words which rows of the file are left.
    """

    frame: pd.DataFrame
    file: str
    rows: str = ""

    def where(self, **values: Any) -> Cells:
        """Keep the rows that hold these values; of a list, any of it. Raises BenchError where a column is unknown."""
        frame, told = self.frame, []
        for column, value in values.items():
            self._check(column)
            wanted = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
            frame = frame[frame[column].isin(wanted)]
            told.append(f"{column} = {' or '.join(map(str, wanted))}")
        return Cells(frame, self.file, self._and(*told))

    def each(self) -> Iterator[Cells]:
        """Give the rows one by one, in the order of the file."""
        for index in range(len(self.frame)):
            yield Cells(self.frame.iloc[[index]], self.file, self._and(f"row {index + 1} of these"))

    def query(self, condition: str) -> Cells:
        """Keep the rows that meet a condition of pandas, as ``mAP_gain_low > 0``; names with a hyphen in backticks.

        Raises BenchError where it cannot be read.
        """
        try:
            return Cells(self.frame.query(condition), self.file, self._and(condition))
        except (ParserError, UndefinedVariableError, SyntaxError, ValueError, TypeError) as problem:
            raise BenchError(f"{self.file}: cannot read the condition {condition!r}: {problem}") from problem

    def derived(self, **columns: str) -> Cells:
        """Add columns by formulas of pandas, as ``spent="realised_cost / requested_cost - 1"``.

        Raises BenchError where one cannot be read.
        """
        frame = self.frame.copy()
        try:
            for name, formula in columns.items():
                frame[name] = frame.eval(formula)
        except (ParserError, UndefinedVariableError, SyntaxError, ValueError, TypeError) as problem:
            raise BenchError(f"{self.file}: cannot read the formula {formula!r}: {problem}") from problem
        return Cells(frame, self.file, self._and(*(f"{name} := {formula}" for name, formula in columns.items())))

    def side_by_side(self, column: str, values: str, by: Sequence[str]) -> Cells:
        """Give one row for each of ``by``, with a column of mean ``values`` for each value of ``column``.

        Raises BenchError where a column is unknown.
        """
        for name in (column, values, *by):
            self._check(name)
        frame = self.frame.pivot_table(index=list(by), columns=column, values=values, aggfunc="mean").reset_index()
        return Cells(frame, self.file, self._and(f"mean {values} for each {column}, by {' and '.join(by)}"))

    def cell(self, column: str, **values: Any) -> Cited:
        """Give the number in a column of the only row that holds these values. Raises BenchError unless it is one."""
        narrowed = self.where(**values)
        return narrowed._cited(column, "cell", lambda cells: narrowed._only(cells))

    def text(self, column: str, **values: Any) -> CitedText:
        """Give the text in a column of the only row that holds these values. Raises BenchError unless it is one."""
        narrowed = self.where(**values)
        narrowed._check(column)
        return CitedText(str(narrowed._only(narrowed.frame[column])), Origin(self.file, narrowed.rows, column))

    def mean(self, column: str, **values: Any) -> Cited:
        """Average a column."""
        return self.where(**values)._cited(column, "mean", lambda cells: cells.mean())

    def sd(self, column: str, **values: Any) -> Cited:
        """Sample standard deviation of a column."""
        return self.where(**values)._cited(column, "standard deviation", lambda cells: cells.std())

    def least(self, column: str, **values: Any) -> Cited:
        """Smallest number of a column."""
        return self.where(**values)._cited(column, "least", lambda cells: cells.min())

    def greatest(self, column: str, **values: Any) -> Cited:
        """Greatest number of a column."""
        return self.where(**values)._cited(column, "greatest", lambda cells: cells.max())

    def total(self, column: str, **values: Any) -> Cited:
        """Sum of a column."""
        return self.where(**values)._cited(column, "sum", lambda cells: cells.sum())

    def count(self, **values: Any) -> Cited:
        """Count the rows; none at all is an answer, too."""
        narrowed = self.where(**values)
        return Cited(len(narrowed.frame), Origin(self.file, narrowed.rows, "", "number of rows"))

    def listing(self, column: str, name: str) -> Cited:
        """Count the rows whose list in a column (``gs; ets; random``) has a name in it."""
        self._check(column)
        found = sum(name in str(cell).split("; ") for cell in self.frame[column])
        return Cited(found, Origin(self.file, self.rows, column, f"rows that list {name}"))

    def has(self, column: str) -> bool:
        """Whether any row has something in a column."""
        return column in self.frame and bool(self.frame[column].notna().any())

    def _cited(self, column: str, how: str, of: Callable[[pd.Series], float]) -> Cited:
        self._check(column)
        cells = self.frame[column].dropna()
        if cells.empty:
            raise BenchError(f"{self.file}: no row with a {column} where {self.rows or 'anything holds'}")
        if not pd.api.types.is_numeric_dtype(cells):
            raise BenchError(f"{self.file}: {column} holds text; refer to it with text()")
        return Cited(float(of(cells)), Origin(self.file, self.rows, column, how))

    def _only(self, cells: pd.Series) -> Any:
        if len(cells) != 1:
            raise BenchError(f"{self.file}: expected one row where {self.rows or 'anything holds'}, found {len(cells)}")
        return cells.iloc[0]

    def _check(self, column: str) -> None:
        if column not in self.frame:
            raise BenchError(f"{self.file} has no column {column}; it has {', '.join(map(str, self.frame.columns))}")

    def _and(self, *more: str) -> str:
        return ", ".join(filter(None, (self.rows, *more)))


def read_table(root: Path, file: str) -> Cells:
    """Read a CSV table below ``root``, held to the measurement beside it where there is one.

    Raises BenchError where it cannot be read, or holds other values than the measurement.
    """
    try:
        frame = pd.read_csv(root / file)
    except (OSError, ValueError) as problem:
        raise BenchError(f"cannot read the table {root / file}: {problem}") from problem
    check_beside(root / file, frame)
    return Cells(frame, file)
