"""What came of each case, and the table of all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from torture.starting import Ended

COLUMNS = ("cases", "same", "errors", "silent differences", "tracebacks", "orphans", "stale files", "unclear ends")
FAULTS = COLUMNS[3:]
"""Columns that must be zero."""


@dataclass
class Case:
    """One fault in one command: what was wrong, in words, and how often by kind."""

    kind: str
    name: str
    same: bool = False
    error: bool = False
    faults: dict[str, int] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def fault(self, what: str, told: str, count: int = 1) -> None:
        """Book something that must not be."""
        if count:
            self.faults[what] = self.faults.get(what, 0) + count
            self.told.append(f"{what}: {told}")

    def watch(self, ended: Ended, allowed: Iterable[int]) -> None:
        """Look at how one command ended; statuses other than those allowed are unclear."""
        last = "\n".join(ended.err.strip().splitlines()[-15:])
        self.fault("tracebacks", last, ended.tracebacks)
        self.fault("orphans", f"{ended.orphans} processes outlived the command", ended.orphans)
        if ended.status not in allowed:
            self.fault("unclear ends", f"status {ended.status}: {last}")
        if ended.status == 1 and ended.err.count("error:") != 1:
            self.fault("unclear ends", f"expected one error, found {ended.err.count('error:')}: {last}")

    def row(self) -> list[int]:
        """Numbers of the columns."""
        return [1, int(self.same), int(self.error), *(self.faults.get(what, 0) for what in FAULTS)]


def table(cases: Iterable[Case]) -> str:
    """Lay out the sums of each kind, and of all, and tell of every case with a fault."""
    cases = list(cases)
    kinds = {kind: [case for case in cases if case.kind == kind] for kind in dict.fromkeys(case.kind for case in cases)}
    rows = [
        [name, *map(str, (sum(column) for column in zip(*(case.row() for case in some), strict=True)))]
        for name, some in {**kinds, "all": cases}.items()
        if some
    ]
    lines = [["kind", *COLUMNS], *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    told = [f"{case.kind}, {case.name}:\n  " + "\n  ".join(case.told) for case in cases if case.faults]
    laid_out = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join([*told, *laid_out])
