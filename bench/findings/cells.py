"""One cell of a report's table, by name: where a number of a claim is from.

A reference reads ``TABLE[COLUMN=VALUE; COLUMN=VALUE].COLUMN``: the name of a table's CSV, less its ending; which row is
meant, by as many columns as single it out; and the column. ``synthped-demo-exits[setup=hashreid demo; seed=0; exit=exit
1].mAP`` is one. The row's column ``run`` names the run whose records the number is from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.errors import BenchError

RUN = "run"
"""The column of a table that names runs by their keys."""
LISTED = 5


@dataclass(frozen=True)
class Reference:
    """A cell by name: table, the values by which its row is found, column."""

    table: str
    row: tuple[tuple[str, str], ...]
    column: str

    def __str__(self) -> str:
        """Write it as pages and tables show it."""
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
