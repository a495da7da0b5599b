"""What a claim is: a sentence of a paper, and how it is tested on a section's tables.

A new claim is one value in :data:`bench.findings.claims.known.CLAIMS`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.findings.table import Table, records_in

NOT_MEASURED = "not measured here"
RUN = "run"
"""The column of a table that names runs by their keys."""


@dataclass(frozen=True)
class Reference:
    """A cell by name: table, the values by which its row is found, column.

    It reads ``TABLE[COLUMN=VALUE; COLUMN=VALUE].COLUMN``: the name of a table's CSV, less its ending; which row is
    meant, by as many columns as single it out; and the column. ``synthped-demo-exits[setup=hashreid demo; seed=0;
    exit=exit 1].mAP`` is one.
    """

    table: str
    row: tuple[tuple[str, str], ...]
    column: str

    def __str__(self) -> str:
        """Write it as pages and tables show it."""
        return f"{self.table}[{'; '.join(f'{name}={value}' for name, value in self.row)}].{self.column}"


@dataclass(frozen=True)
class Cell:
    """A cell with its value, and the keys of the runs that its row names, if it names any: whose records it is from."""

    reference: Reference
    value: Any
    run: str = ""


@dataclass(frozen=True)
class Answer:
    """What became of a claim: what counted costs or the paper's own numbers allow at most, what was measured, verdict.

    ``cells`` are the table cells that the measured numbers are read from.
    """

    allowed: str = ""
    measured: str = NOT_MEASURED
    verdict: str = NOT_MEASURED
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A sentence of a paper, quoted, with where it stands; ``test`` answers it from a section's tables.

    ``test`` raises :class:`NotMeasured` where the section holds nothing to test it on.
    """

    name: str
    paper: str
    place: str
    sentence: str
    test: Callable[[Evidence], Answer]

    @property
    def quoted(self) -> str:
        """The sentence in quotation marks, with where it stands."""
        return (
            f"\N{LEFT DOUBLE QUOTATION MARK}{self.sentence}\N{RIGHT DOUBLE QUOTATION MARK} ({self.paper}, {self.place})"
        )

    def answer(self, evidence: Evidence) -> Answer:
        """Test it."""
        try:
            return self.test(evidence)
        except NotMeasured as nothing:
            return Answer(allowed=nothing.allowed)


class NotMeasured(Exception):
    """There is nothing here to test a claim on; ``allowed`` is what can be said without."""

    def __init__(self, allowed: str = "") -> None:
        super().__init__(NOT_MEASURED)
        self.allowed = allowed


@dataclass(eq=False)
class Evidence:
    """The tables of a section, made when they are first asked for, and the cells of them that were read."""

    section: Section
    make: Callable[[str, Section], Sequence[Table]]
    """Makes the tables of a kind."""
    _made: dict[str, Sequence[Table]] = field(default_factory=dict)
    _read: dict[str, _Columns] = field(default_factory=dict)

    def tables(self, kind: str) -> Sequence[Table]:
        """Give the tables of a kind."""
        if kind not in self._made:
            self._made[kind] = self.make(kind, self.section)
        return self._made[kind]

    def rows(self, kind: str) -> list[dict[Any, Any]]:
        """Give the rows of a kind's first table; none where the section has none."""
        tables = self.tables(kind)
        return records_in(tables[0].rows) if tables and len(tables[0]) else []

    def cell(self, kind: str, column: str, **row: Any) -> Cell:
        """Read one cell of a kind's first table. Raises :class:`NotMeasured` where there is no such row."""
        if not self.tables(kind):
            raise NotMeasured
        return self.read(self.tables(kind)[0], column, **row)

    def read(self, table: Table, column: str, **row: Any) -> Cell:
        """Read one cell of a table. Raises :class:`NotMeasured` where not one row fits, or it has no value there."""
        reference = Reference(table.name, tuple((name, str(value)) for name, value in row.items()), column)
        fitting = self._read.setdefault(table.name, _Columns(table)).fitting(reference)
        if len(fitting) != 1 or (isinstance(value := fitting[0][column], float) and math.isnan(value)):
            raise NotMeasured
        return Cell(reference, value, str(fitting[0].get(RUN, "")))

    def setups(self, method: str) -> list[Setup]:
        """Setups of a method; raises :class:`NotMeasured` where there are none."""
        found = [setup for setup in self.section.setups if setup.method == method]
        if not found:
            raise NotMeasured
        return found

    def over_seeds(self, kind: str, column: str, setup: Setup, **row: Any) -> Cells:
        """Read a column for every seed of a setup. Raises :class:`NotMeasured` where one of them has it not."""
        return Cells(tuple(self.cell(kind, column, setup=setup.label, seed=run.seed, **row) for run in setup.runs))

    def last_exit(self, setup: Setup) -> str:
        """Name the last exit of a setup."""
        return str(setup.runs[0].frames.records("exit")[-1]["exit_name"])


class _Columns:
    """Columns of a table as lists, and its rows by their values: cells are read by the hundred."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._columns: dict[str, list[Any]] = {}
        self._rows: dict[tuple[str, ...], dict[tuple[str, ...], list[int]]] = {}

    def fitting(self, reference: Reference) -> list[dict[str, Any]]:
        """Give the rows that a reference means, with its columns and the runs; none where a column is missing."""
        names = tuple(name for name, _ in reference.row)
        needed = dict.fromkeys((*names, reference.column, *([RUN] if RUN in self._table.full else ())))
        if not set(needed).issubset(self._table.full):
            return []
        if names not in self._rows:
            found: dict[tuple[str, ...], list[int]] = {}
            for index, values in enumerate(zip(*(map(str, self._column(name)) for name in names), strict=True)):
                found.setdefault(values, []).append(index)
            self._rows[names] = found
        indices = self._rows[names].get(tuple(value for _, value in reference.row), ())
        return [{name: self._column(name)[index] for name in needed} for index in indices]

    def _column(self, name: str) -> list[Any]:
        if name not in self._columns:
            self._columns[name] = self._table.full[name].tolist()
        return self._columns[name]


@dataclass(frozen=True)
class Cells:
    """Cells of one quantity, one for each seed."""

    cells: tuple[Cell, ...]

    @cached_property
    def mean(self) -> float:
        """Mean over the seeds."""
        return statistics.fmean(float(cell.value) for cell in self.cells)
