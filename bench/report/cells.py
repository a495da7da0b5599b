"""One cell of a report's table: what a sentence about results refers to, so that no number is typed by hand.

A reference reads ``TABLE[COLUMN=VALUE; COLUMN=VALUE].COLUMN``: the name of a table's CSV, less its ending; which row is
meant, by as many columns as single it out; and the column. ``synthped-demo-exits[setup=hashreid demo; seed=0; exit=exit
1].mAP`` is one. The row's column ``run`` names the run whose records the number is from.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import BenchError

PATTERN = re.compile(r"(?P<table>[^\[\]]+)\[(?P<row>.*)\]\.(?P<column>[^\[\].][^\[\]]*)")
RUN = "run"
"""The column of a table that names runs by their keys."""
LISTED = 5


@dataclass(frozen=True)
class Reference:
    """A cell by name: table, the values by which its row is found, column."""

    table: str
    row: tuple[tuple[str, str], ...]
    column: str

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a reference as it is written; raises BenchError where it is none."""
        found = PATTERN.fullmatch(text.strip())
        if not found:
            raise BenchError(f"{text!r} is no reference to a cell: write TABLE[COLUMN=VALUE; COLUMN=VALUE].COLUMN")
        pairs = [part.partition("=") for part in found["row"].split(";") if part.strip()]
        if not all(sign for _, sign, _ in pairs):
            raise BenchError(f"{text!r}: each part of the row is COLUMN=VALUE, with semicolons between them")
        row = tuple((name.strip(), value.strip()) for name, _, value in pairs)
        return cls(found["table"].strip(), row, found["column"].strip())

    def __str__(self) -> str:
        """Write it as :meth:`parse` reads it."""
        return f"{self.table}[{'; '.join(f'{name}={value}' for name, value in self.row)}].{self.column}"


@dataclass(frozen=True)
class Cell:
    """A cell with its value, and the keys of the runs that its row names, if it names any."""

    reference: Reference
    value: Any
    run: str = ""


def find_cell(rows: Iterable[Mapping[Any, Any]], reference: Reference) -> Cell:
    """Find a cell among the rows of its table. Raises BenchError where no row or several fit, or a column is missing.

    Values are compared as texts, so that rows of a table and of its CSV are found alike.
    """
    listed = list(rows)
    columns = [str(name) for name in (listed[0] if listed else ())]
    missing = [name for name in (*(name for name, _ in reference.row), reference.column) if name not in columns]
    if listed and missing:
        raise BenchError(f"{reference}: the table has no column {missing[0]!r}; there are {', '.join(columns)}")
    fitting = [row for row in listed if all(str(row[name]) == value for name, value in reference.row)]
    if len(fitting) != 1:
        named = [name for name, _ in reference.row]
        told = [", ".join(f"{name}={row[name]}" for name in named) for row in fitting or listed]
        some = "; ".join(list(dict.fromkeys(told))[:LISTED])
        raise BenchError(
            f"{reference}: expected one row, found {len(fitting)} of {len(listed)}; there are {some or 'none'}"
        )
    return Cell(reference, fitting[0][reference.column], str(fitting[0].get(RUN, "")))


def read_cell(folder: Path, text: str) -> Cell:
    """Read a cell of a table that a report wrote, ``folder`` being where its CSV files lie; the value is a text.

    Raises BenchError where there is no such table, row or column.
    """
    reference = Reference.parse(text)
    path = folder / f"{reference.table}.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return find_cell(csv.DictReader(file), reference)
    except OSError as problem:
        raise BenchError(
            f"{reference}: cannot read {path} ({problem.strerror or problem}); make it: bench report"
        ) from problem
