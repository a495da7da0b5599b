"""Records of one run as tables, one for each kind: in memory, or in a file of which only what is asked for is read.

A lab's folder holds hundreds of runs, and a report looks at one or a few at a time: numbers in a :class:`NumbersFile`
keep memory free of the others.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.retrieval.table import FloatArray
from bench.runs.rows import Columns

NUMBERS = np.dtype(np.float64)
_FLOATING = ({float}, {float, int})
"""Types of the values of a column that is one of floating-point numbers."""


class NumbersFile:
    """A file to which arrays of numbers are written one after the other, and from which their rows are read.

    It may be handed to another process, which opens the file anew.
    """

    def __init__(self, path: Path) -> None:
        """Begin the file. Raises OSError where it cannot be written."""
        self.path = path
        self._end = 0
        self._opened: BinaryIO | None = None
        path.write_bytes(b"")

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the opened file."""
        return {"path": self.path, "_end": self._end, "_opened": None}

    def add(self, numbers: FloatArray) -> FiledNumbers:
        """Write an array (N, K) at the end. Raises OSError where that fails."""
        with self.path.open("ab") as file:
            file.write(numbers.tobytes())
        start = self._end
        self._end += numbers.size
        return FiledNumbers(self, start, numbers.shape[1])

    def read(self, start: int, count: int) -> FloatArray:
        """Read numbers (count,) from the one at ``start`` on."""
        if self._opened is None:
            self._opened = self.path.open("rb", buffering=0)
        self._opened.seek(start * NUMBERS.itemsize)
        data = self._opened.read(count * NUMBERS.itemsize)
        return np.frombuffer(data, NUMBERS, count)

    def close(self) -> None:
        """Close the file, until something is read again."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None


@dataclass(frozen=True)
class FiledNumbers:
    """An array (N, K) in a file, whose rows are sliced as those of one in memory."""

    file: NumbersFile
    start: int
    length: int

    def __getitem__(self, rows: slice) -> FloatArray:
        """Read the rows from ``rows.start`` to ``rows.stop``."""
        read = self.file.read(self.start + rows.start * self.length, (rows.stop - rows.start) * self.length)
        return read.reshape(-1, self.length)


@dataclass(frozen=True)
class _Table:
    """The table of one kind, by its columns."""

    rows: int
    columns: tuple[str, ...]
    indices: Mapping[str, int]
    """Index of each column of floating-point numbers among ``numbers``."""
    numbers: FloatArray | FiledNumbers
    """(columns, rows)."""
    others: Mapping[str, tuple[Any, ...]]
    """Values of the other columns; a single one, where all rows have the same."""

    @classmethod
    def of(cls, columns: Columns, file: NumbersFile | None) -> _Table:
        count = len(next(iter(columns.values())))
        floating = [name for name, values in columns.items() if _is_floating(values)]
        numbers = np.array([columns[name] for name in floating], dtype=NUMBERS).reshape(len(floating), count)
        others = {name: _shortened(values) for name, values in columns.items() if name not in floating}
        indices = {name: index for index, name in enumerate(floating)}
        return cls(count, tuple(columns), indices, file.add(numbers) if file else numbers, others)

    def values(self, column: str) -> list[Any]:
        """Give a column that is none of floating-point numbers. Raises KeyError where there is none of that name."""
        values = self.others[column]
        return list(values) * (self.rows if len(values) == 1 else 1)


class Frames(Mapping[str, pd.DataFrame]):
    """Records of one run, a row each, in a table for each kind: every kind has columns of its own.

    A data frame is made anew whenever it is asked for, of what is kept of its columns: in memory, or their numbers in a
    ``file``. Raises OSError where that cannot be written.
    """

    def __init__(self, tables: Mapping[str, Columns] | None = None, file: NumbersFile | None = None) -> None:
        self._tables = {kind: _Table.of(columns, file) for kind, columns in (tables or {}).items()}
        self._by_policy: dict[str, dict[tuple[str, str], NDArray[np.intp]]] = {}

    def __getitem__(self, kind: str) -> pd.DataFrame:
        """Give the table of a kind."""
        return self.chosen(kind, self._tables[kind].columns)

    def __contains__(self, kind: object) -> bool:
        """Whether there is a table of a kind; it is not made for that."""
        return kind in self._tables

    def __iter__(self) -> Iterator[str]:
        """Go through the kinds."""
        return iter(self._tables)

    def __len__(self) -> int:
        """Count the kinds."""
        return len(self._tables)

    def chosen(self, kind: str, columns: Sequence[str]) -> pd.DataFrame:
        """Give some columns of a kind's table; those that it has not hold NaN. Without a table there are no rows."""
        if kind not in self:
            return pd.DataFrame(columns=list(columns))
        table = self._tables[kind]
        wanted = [name for name in columns if name in table.indices]
        numbers = pd.DataFrame(self.numbers(kind, wanted), columns=wanted)
        others = {name: table.values(name) for name in columns if name in table.others}
        return pd.concat([numbers, pd.DataFrame(others, index=numbers.index)], axis=1).reindex(columns=list(columns))

    def records(self, kind: str) -> list[dict[Hashable, Any]]:
        """Give the rows of a kind's table as mappings; none without a table."""
        if kind not in self:
            return []
        table = self._tables[kind]
        values = dict(zip(table.indices, table.numbers[0 : len(table.indices)].tolist(), strict=True))
        columns = [values.get(name) or table.values(name) for name in table.columns]
        return [dict(zip(table.columns, row, strict=True)) for row in zip(*columns, strict=True)]

    def numbers(self, kind: str, columns: Sequence[str]) -> FloatArray:
        """Give columns of numbers (rows, columns); NaN where the table has not got one. Without a table, no rows."""
        if kind not in self:
            return np.empty((0, len(columns)))
        table = self._tables[kind]
        values = np.full((len(columns), table.rows), np.nan)
        wanted = [table.indices[name] for name in columns if name in table.indices]
        if wanted:
            # In one piece, whatever lies between: it is a read that takes time, not its length.
            first = min(wanted)
            piece = table.numbers[first : max(wanted) + 1]
        for row, name in zip(values, columns, strict=True):
            if name in table.indices:
                row[:] = piece[table.indices[name] - first]
            elif name in table.others:
                row[:] = np.array(table.values(name), dtype=NUMBERS)
        return values.T

    def texts(self, kind: str, column: str) -> list[str]:
        """Give a column of texts; none without a table. Raises KeyError where the table has none of that name."""
        return self._tables[kind].values(column) if kind in self else []

    def by_policy(self, kind: str) -> Mapping[tuple[str, str], NDArray[np.intp]]:
        """Find the rows of a kind's table by policy and thresholding, each in their order."""
        if kind not in self._by_policy:
            found: dict[tuple[str, str], list[int]] = {}
            named = (self.texts(kind, name) for name in ("policy", "thresholding"))
            for index, names in enumerate(zip(*named, strict=True)):
                found.setdefault(names, []).append(index)
            self._by_policy[kind] = {names: np.array(rows, dtype=np.intp) for names, rows in found.items()}
        return self._by_policy[kind]

    def of_policy(self, kind: str, policy: str, thresholding: str, columns: Sequence[str]) -> FloatArray:
        """Give columns of numbers (rows, columns), as :meth:`numbers`, of a policy in a thresholding alone."""
        rows = self.by_policy(kind).get((policy, thresholding))
        return np.empty((0, len(columns))) if rows is None else self.numbers(kind, columns)[rows]


def _is_floating(values: Sequence[Any] | FloatArray) -> bool:
    return isinstance(values, np.ndarray) or set(map(type, values)) in _FLOATING


def _shortened(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(values[:1]) if len(set(values)) == 1 else tuple(values)
