"""Records of one run as tables, one for each kind: in memory, or in a file of which only what is asked for is read.

A lab's folder holds hundreds of runs, and a report looks at one or a few at a time: :class:`FiledFrames` keep memory
free of the others.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.runs.rows import Columns

Frames = Mapping[str, pd.DataFrame]
"""Records of one run, a row each, in a table for each kind: every kind has columns of its own."""
NUMBERS = np.dtype(np.float64)
_FLOATING = ({float}, {float, int})
"""Types of the values of a column that is one of floating-point numbers."""


@dataclass(frozen=True)
class _Stored:
    """Where the numbers of one kind stand in the file, column after column, and what its other columns hold."""

    start: int
    """Of the first column, in numbers from the start of the file."""
    rows: int
    columns: tuple[str, ...]
    numbers: Mapping[str, int]
    """Index of each column of numbers among those in the file."""
    others: Mapping[str, tuple[Any, ...]]
    """Values of the columns that are no floating-point numbers; a single one, where all rows have the same."""


class FramesFile:
    """A file to which runs' tables are written one after the other, and from which their columns are read.

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

    def add(self, tables: Mapping[str, Columns]) -> FiledFrames:
        """Write the columns of a run's table of each kind at the end. Raises OSError where that fails.

        A column holds what a data frame made of the columns would hold.
        """
        stored: dict[str, _Stored] = {}
        with self.path.open("ab") as file:
            for kind, columns in tables.items():
                count = len(next(iter(columns.values())))
                numbers = [name for name, values in columns.items() if _is_floating(values)]
                file.write(np.array([columns[name] for name in numbers], dtype=NUMBERS).tobytes())
                others = {name: _shortened(values) for name, values in columns.items() if name not in numbers}
                indices = {name: index for index, name in enumerate(numbers)}
                stored[kind] = _Stored(self._end, count, tuple(columns), indices, others)
                self._end += len(numbers) * count
        return FiledFrames(self, stored)

    def read(self, start: int, count: int) -> NDArray[np.float64]:
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


class FiledFrames(Mapping[str, pd.DataFrame]):
    """Tables of one run whose numbers are in a file; each table is made anew whenever it is asked for."""

    def __init__(self, file: FramesFile, stored: Mapping[str, _Stored]) -> None:
        self._file, self._stored = file, stored

    def __getitem__(self, kind: str) -> pd.DataFrame:
        """Read the table of a kind."""
        return self.chosen(kind, self._stored[kind].columns)

    def __contains__(self, kind: object) -> bool:
        """Whether there is a table of a kind; it is not read for that."""
        return kind in self._stored

    def __iter__(self) -> Iterator[str]:
        """Go through the kinds."""
        return iter(self._stored)

    def __len__(self) -> int:
        """Count the kinds."""
        return len(self._stored)

    def chosen(self, kind: str, columns: Sequence[str]) -> pd.DataFrame:
        """Read some columns of a kind's table; those that it has not hold NaN."""
        stored = self._stored[kind]
        wanted = [name for name in columns if name in stored.numbers]
        values = self.numbers(kind, wanted)
        others = {name: _whole(stored.others[name], stored.rows) for name in columns if name in stored.others}
        numbers = pd.DataFrame(values, columns=wanted)
        return pd.concat([numbers, pd.DataFrame(others, index=numbers.index)], axis=1).reindex(columns=list(columns))

    def records(self, kind: str) -> list[dict[Hashable, Any]]:
        """Read the rows of a kind's table as mappings, without making the table."""
        stored = self._stored[kind]
        values = dict(zip(stored.numbers, self.numbers(kind, list(stored.numbers)).T.tolist(), strict=True))
        columns = [values.get(name) or _whole(stored.others[name], stored.rows) for name in stored.columns]
        return [dict(zip(stored.columns, row, strict=True)) for row in zip(*columns, strict=True)]

    def texts(self, kind: str, column: str) -> list[str]:
        """Read a column of texts of a kind's table. Raises KeyError where it has none of that name."""
        stored = self._stored[kind]
        return _whole(stored.others[column], stored.rows)

    def numbers(self, kind: str, columns: Sequence[str]) -> NDArray[np.float64]:
        """Read columns of numbers (rows, columns); NaN where the table has not got one."""
        stored = self._stored[kind]
        values = np.full((len(columns), stored.rows), np.nan)
        wanted = [stored.numbers[name] for name in columns if name in stored.numbers]
        if wanted:
            # In one piece, whatever lies between: it is a read that takes time, not its length.
            first, count = min(wanted), max(wanted) + 1 - min(wanted)
            piece = self._file.read(stored.start + first * stored.rows, count * stored.rows).reshape(count, stored.rows)
        for row, name in zip(values, columns, strict=True):
            if name in stored.numbers:
                row[:] = piece[stored.numbers[name] - first]
            elif name in stored.others:
                row[:] = np.array(_whole(stored.others[name], stored.rows), dtype=NUMBERS)
        return values.T


def chosen(frames: Frames, kind: str, columns: Sequence[str]) -> pd.DataFrame:
    """Give some columns of a kind's table; those that it has not hold NaN, and without a table there are no rows."""
    if kind not in frames:
        return pd.DataFrame(columns=list(columns))
    if isinstance(frames, FiledFrames):
        return frames.chosen(kind, columns)
    return frames[kind].reindex(columns=list(columns))


def indices_by(frames: Frames, kind: str) -> dict[tuple[str, str], NDArray[np.intp]]:
    """Find the rows of a kind's table by policy and thresholding, each in their order."""
    found: dict[tuple[str, str], list[int]] = {}
    named = (texts_of(frames, kind, name) for name in ("policy", "thresholding"))
    for index, names in enumerate(zip(*named, strict=True)):
        found.setdefault(names, []).append(index)
    return {names: np.array(indices, dtype=np.intp) for names, indices in found.items()}


def texts_of(frames: Frames, kind: str, column: str) -> list[str]:
    """Give a column of texts of a kind's table, a text for each row; none without a table.

    Raises KeyError where the table has no such column.
    """
    if kind not in frames:
        return []
    return frames.texts(kind, column) if isinstance(frames, FiledFrames) else list(frames[kind][column])


def numbers_of(frames: Frames, kind: str, columns: Sequence[str]) -> NDArray[np.float64]:
    """Give columns of numbers (rows, columns); NaN where the table has not got one, and no rows without a table."""
    if kind not in frames:
        return np.empty((0, len(columns)))
    if isinstance(frames, FiledFrames):
        return frames.numbers(kind, columns)
    return frames[kind].reindex(columns=list(columns)).to_numpy(NUMBERS)


def records_of_kind(frames: Frames, kind: str) -> list[dict[Hashable, Any]]:
    """Give the rows of a kind's table as mappings; none where there is no such table."""
    if kind not in frames:
        return []
    return frames.records(kind) if isinstance(frames, FiledFrames) else records_in(frames[kind])


def records_in(frame: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """Give the rows of a table as mappings, in a tenth of the time that ``to_dict`` takes where columns differ."""
    names = list(frame)
    return [dict(zip(names, row, strict=True)) for row in zip(*(frame[name].tolist() for name in names), strict=True)]


def _is_floating(values: Sequence[Any] | NDArray[np.float64]) -> bool:
    return isinstance(values, np.ndarray) or set(map(type, values)) in _FLOATING


def _shortened(values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(values[:1]) if len(set(values)) == 1 else tuple(values)


def _whole(values: tuple[Any, ...], rows: int) -> list[Any]:
    return list(values) * (rows if len(values) == 1 else 1)
