"""Curves out of records: metric against cost for one run, or the mean over the seeds of a setup.

With one run, a curve carries the records' intervals. With several seeds it is their mean at the same budget, and so are
the bounds of its interval, which cover the choice of test identities; what the choice of the seed does is for the lines
of the single seeds, which go along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from bench.findings.setups import Setup
from bench.runs.frames import Frames, indices_by, numbers_of

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """Values (K,) at costs (K,), with their interval where all runs have one, and the lines of the single seeds."""

    costs: FloatArray
    values: FloatArray
    low: FloatArray | None
    high: FloatArray | None
    single_seeds: tuple[tuple[FloatArray, FloatArray], ...]

    def __len__(self) -> int:
        """Count the points."""
        return len(self.costs)

    def bare(self) -> Curve:
        """The same without its interval and the single seeds."""
        return replace(self, low=None, high=None, single_seeds=())


class _Columns:
    """Columns of a setup's records, read when they are first asked for; runs are in the order of their names."""

    def __init__(self, setup: Setup) -> None:
        named = sorted(zip(setup.runs, setup.frames, strict=True), key=lambda one: one[0].identity)
        self._frames: list[Frames] = [frames for _, frames in named]
        self._columns: dict[tuple[str, str], list[FloatArray]] = {}
        self._groups: dict[str, list[dict[tuple[str, str], NDArray[np.intp]]]] = {}
        self._parts: dict[tuple[str, str, str], _Part] = {}

    def column(self, kind: str, name: str) -> list[FloatArray]:
        """Give a column of each run's records of a kind, NaN where there is none."""
        if (kind, name) not in self._columns:
            self._columns[kind, name] = [numbers_of(frames, kind, [name])[:, 0] for frames in self._frames]
        return self._columns[kind, name]

    def part(self, kind: str, policy: str, thresholding: str) -> _Part:
        """Cut a part out."""
        if kind not in self._groups:
            self._groups[kind] = [indices_by(frames, kind) for frames in self._frames]
        if (kind, policy, thresholding) not in self._parts:
            indices = [groups.get((policy, thresholding), _NOWHERE) for groups in self._groups[kind]]
            self._parts[kind, policy, thresholding] = _Part.of(self, kind, indices)
        return self._parts[kind, policy, thresholding]


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows of one kind, policy and thresholding: where they stand in the columns of the runs that have some."""

    columns: _Columns
    kind: str
    runs: tuple[int, ...]
    indices: tuple[NDArray[np.intp], ...]
    """Of each run's rows, from the lowest key on."""
    shared: tuple[NDArray[np.intp], ...]
    """Of the rows whose key all runs have, (K,) for each run."""

    @classmethod
    def of(cls, columns: _Columns, kind: str, indices: Sequence[NDArray[np.intp]]) -> _Part:
        """Sort each run's rows by their key."""
        keys = columns.column(kind, _KEYS[kind])
        runs = [run for run, own in enumerate(indices) if len(own)]
        ordered = [indices[run][np.argsort(keys[run][indices[run]], kind="stable")] for run in runs]
        # The root that gives a budget is found anew for every run: its last digits may differ.
        keyed = [{f"{keys[run][row]:.9g}": row for row in own} for run, own in zip(runs, ordered, strict=True)]
        names = [name for name in keyed[0] if all(name in other for other in keyed[1:])] if keyed else []
        shared = [np.array([by_key[name] for name in names], dtype=np.intp) for by_key in keyed]
        return cls(columns, kind, tuple(runs), tuple(ordered), tuple(shared))

    def where_known(self, column: str) -> _Part:
        """Leave out the rows that do not have a value in a column."""
        values = self.columns.column(self.kind, column)
        indices = [_NOWHERE] * len(values)
        for run, own in zip(self.runs, self.indices, strict=True):
            indices[run] = own[~np.isnan(values[run][own])]
        return _Part.of(self.columns, self.kind, indices)

    def values(self, columns: Sequence[str]) -> list[FloatArray]:
        """Give columns as numbers, (rows, columns) for each run."""
        return self._taken(columns, self.indices)

    def means(self, columns: Sequence[str]) -> FloatArray:
        """Average columns over the runs at equal keys, (K, columns)."""
        return np.array(self._taken(columns, self.shared)).mean(axis=0) if self.runs else np.empty((0, len(columns)))

    def _taken(self, columns: Sequence[str], indices: Sequence[NDArray[np.intp]]) -> list[FloatArray]:
        read = [self.columns.column(self.kind, name) for name in columns]
        return [
            np.stack([of_runs[run][own] for of_runs in read], axis=1)
            for run, own in zip(self.runs, indices, strict=True)
        ]


_NOWHERE: NDArray[np.intp] = np.empty(0, dtype=np.intp)
_COLUMNS: WeakKeyDictionary[Setup, _Columns] = WeakKeyDictionary()
"""Columns of the setups that were drawn: figures and tables use each many times."""
_KEYS = {"exit": "exit", "policy": "a", "oracle": "requested_cost"}


def exit_curve(setup: Setup, column: str) -> Curve:
    """Everybody at one exit: a point for each exit, first to last. Joined, they interpolate between exits."""
    return _curve(_part(setup, "exit"), "realised_cost", column)


def policy_curve(setup: Setup, policy: str, thresholding: str, column: str) -> Curve:
    """One policy over all budgets, from the lowest on, at realised cost."""
    return _curve(_part(setup, "policy", policy, thresholding), "realised_cost", column)


def oracle_curve(setup: Setup, metric: str) -> Curve | None:
    """The best that any rule could do within a budget, knowing the labels; None where it was not swept."""
    part = _part(setup, "oracle", f"best {metric} for the budget", "constrained")
    measured = part.where_known(metric)
    # Past its end the curve is flat, and the realised cost stands still: a bound belongs to the requested budget.
    return _curve(measured, "requested_cost", metric) if measured.runs else None


def policy_means(setup: Setup, policy: str, thresholding: str, columns: Sequence[str]) -> FloatArray:
    """Columns of one policy in one thresholding, (K, columns), means over the seeds at equal ``a`` from the lowest on.

    Only budgets that all seeds have.
    """
    return _part(setup, "policy", policy, thresholding).means(columns)


def policy_runs(setup: Setup, policy: str, thresholding: str, columns: Sequence[str]) -> list[FloatArray]:
    """Columns of one policy in one thresholding, (K, columns) for each run, from the lowest ``a`` on."""
    return _part(setup, "policy", policy, thresholding).values(columns)


def _curve(part: _Part, cost: str, column: str) -> Curve:
    bounds = [f"{column}_low", f"{column}_high"]
    singles = tuple((drawn[:, 0], drawn[:, 1]) for drawn in part.values([cost, column]))
    bounded = bool(part.runs) and not any(np.isnan(drawn).any() for drawn in part.values(bounds))
    mean = part.means([cost, column, *(bounds if bounded else ())]).T
    low, high = mean[2:] if bounded else (None, None)
    return Curve(mean[0], mean[1], low, high, singles if len(singles) > 1 else ())


def _part(setup: Setup, kind: str, policy: str = "", thresholding: str = "") -> _Part:
    if setup not in _COLUMNS:
        _COLUMNS[setup] = _Columns(setup)
    return _COLUMNS[setup].part(kind, policy, thresholding)
