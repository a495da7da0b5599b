"""Curves out of records: metric against cost for one run, or the mean over the seeds of a setup.

With one run, a curve carries the records' intervals. With several seeds it is their mean at the same budget, and so are
the bounds of its interval, which cover the choice of test identities; what the choice of the seed does is for the lines
of the single seeds, which go along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.report.setups import Setup
from bench.runs.load import Frames

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


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows of one kind, policy and thresholding, with their indices by run."""

    rows: pd.DataFrame
    of_runs: tuple[NDArray[np.intp], ...]
    """Indices of each run's rows from the lowest key on; runs are in the order of their names."""
    shared: NDArray[np.intp]
    """Indices of the rows whose key all runs have, (runs, K)."""

    @classmethod
    def of(cls, rows: pd.DataFrame, key: str) -> _Part:
        """Sort the rows by their runs and, within each, by ``key``."""
        rows = rows if len(rows) else rows.reindex(columns=["run", key])
        keys = rows[key].to_numpy(dtype=np.float64)
        runs, names = pd.factorize(rows["run"], sort=True)
        order = np.lexsort((keys, runs))
        of_runs = tuple(order[runs[order] == run] for run in range(len(names)))
        # The root that gives a budget is found anew for every run: its last digits may differ.
        keyed = [{f"{keys[row]:.9g}": row for row in indices} for indices in of_runs]
        names_shared = [name for name in keyed[0] if all(name in other for other in keyed[1:])] if keyed else []
        shared = [[by_key[name] for name in names_shared] for by_key in keyed]
        return cls(rows, of_runs, np.array(shared, dtype=np.intp).reshape(len(keyed), len(names_shared)))

    def values(self, columns: Sequence[str]) -> FloatArray:
        """Give columns as numbers, (rows, columns)."""
        return self.rows.reindex(columns=list(columns)).to_numpy(dtype=np.float64)

    def means(self, columns: Sequence[str]) -> FloatArray:
        """Average columns over the runs at equal keys, (K, columns)."""
        return self.values(columns)[self.shared].mean(axis=0) if len(self.shared) else np.empty((0, len(columns)))


class _Parts(dict[tuple[str, str, str], _Part]):
    """Parts of a setup's records by kind, policy and thresholding; each is cut out when it is first needed."""

    def __init__(self, frames: Sequence[Frames]) -> None:
        super().__init__()
        self._frames = frames
        self._indices: dict[str, list[dict[Any, Any]]] = {}

    def __missing__(self, name: tuple[str, str, str]) -> _Part:
        """Cut a part out."""
        kind, policy, thresholding = name
        frames = [frames[kind] for frames in self._frames if kind in frames]
        if kind not in self._indices:
            self._indices[kind] = [frame.groupby(["policy", "thresholding"]).indices for frame in frames]
        cut = [
            frame.take(indices[policy, thresholding])
            for frame, indices in zip(frames, self._indices[kind], strict=True)
            if (policy, thresholding) in indices
        ]
        self[name] = _Part.of(pd.concat(cut, ignore_index=True) if cut else pd.DataFrame(), _KEYS[kind])
        return self[name]


_PARTS: WeakKeyDictionary[Setup, _Parts] = WeakKeyDictionary()
"""Parts of the setups that were drawn: figures and tables use each many times."""
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
    if metric not in part.rows:
        return None
    measured = part.rows[part.rows[metric].notna()]
    # Past its end the curve is flat, and the realised cost stands still: a bound belongs to the requested budget.
    return _curve(_Part.of(measured, _KEYS["oracle"]), "requested_cost", metric) if len(measured) else None


def policy_means(setup: Setup, policy: str, thresholding: str, columns: Sequence[str]) -> FloatArray:
    """Columns of one policy in one thresholding, (K, columns), means over the seeds at equal ``a`` from the lowest on.

    Only budgets that all seeds have.
    """
    return _part(setup, "policy", policy, thresholding).means(columns)


def policy_runs(setup: Setup, policy: str, thresholding: str, columns: Sequence[str]) -> list[FloatArray]:
    """Columns of one policy in one thresholding, (K, columns) for each run, from the lowest ``a`` on."""
    part = _part(setup, "policy", policy, thresholding)
    values = part.values(columns)
    return [values[indices] for indices in part.of_runs]


def _curve(part: _Part, cost: str, column: str) -> Curve:
    bounds = [name for name in (f"{column}_low", f"{column}_high") if name in part.rows]
    drawn = part.values([cost, column])
    singles = tuple((drawn[indices, 0], drawn[indices, 1]) for indices in part.of_runs)
    bounded = len(bounds) == 2 and bool(part.rows[bounds[0]].notna().all())
    mean = part.means([cost, column, *(bounds if bounded else ())]).T
    low, high = mean[2:] if bounded else (None, None)
    return Curve(mean[0], mean[1], low, high, singles if len(singles) > 1 else ())


def _part(setup: Setup, kind: str, policy: str = "", thresholding: str = "") -> _Part:
    if setup not in _PARTS:
        _PARTS[setup] = _Parts(setup.frames)
    return _PARTS[setup][kind, policy, thresholding]
