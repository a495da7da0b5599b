"""Curves out of records: metric against multiply-adds for one run, or the mean over the seeds of a setup.

Each function takes rows of one setup. With one run, a curve carries the records' intervals; with several seeds it is
their mean at the same budget, the single seeds' lines go along, and no interval is given, since the records' intervals
cover the choice of test identities and not that of the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """Values (K,) at costs (K,), with their interval where one run gave them, and the lines of the single seeds."""

    macs: FloatArray
    values: FloatArray
    low: FloatArray | None
    high: FloatArray | None
    single_seeds: tuple[tuple[FloatArray, FloatArray], ...]

    def __len__(self) -> int:
        """Count the points."""
        return len(self.macs)

    def bare(self) -> Curve:
        """The same without its interval."""
        return replace(self, low=None, high=None)


def exit_curve(table: pd.DataFrame, column: str) -> Curve:
    """Everybody at one exit: a point for each exit, first to last. Joined up, they are the straight line."""
    return _curve(table, _is(table, "kind", "exit"), "exit", "realised_macs", column)


def policy_curve(table: pd.DataFrame, policy: str, mode: str, column: str) -> Curve:
    """One policy over all budgets, from the lowest on, at realised cost."""
    return _curve(table, _swept(table, policy, mode), "a", "realised_macs", column)


def oracle_curve(table: pd.DataFrame, metric: str) -> Curve | None:
    """The best that any rule could do within a budget, knowing the labels; None where it was not swept."""
    if metric not in table:
        return None
    chosen = _is(table, "kind", "oracle") & _is(table, "mode", "constrained")
    chosen &= _is(table, "policy", f"best {metric} for the budget") & table[metric].notna().to_numpy()
    # Past its end the curve is flat, and the realised cost stands still: a bound belongs to the requested budget.
    return _curve(table, chosen, "requested_macs", "requested_macs", metric) if chosen.any() else None


def policy_rows(table: pd.DataFrame, policy: str, mode: str) -> pd.DataFrame:
    """Rows of one policy in one mode, from the lowest budget on."""
    return table[_swept(table, policy, mode)].sort_values(["run", "a"])


def mean_over_seeds(rows: pd.DataFrame, key: str, columns: Sequence[str]) -> FloatArray:
    """Columns as (K, columns), averaged over the runs at equal ``key``, from its lowest on; only keys of all runs."""
    values = rows[list(columns)].to_numpy(dtype=np.float64)
    # The root that gives a budget is found anew for every run: its last digits may differ.
    keyed = [
        {f"{rows_key:.9g}": place for rows_key, place in zip(rows[key].to_numpy()[part], part, strict=True)}
        for part in _by_run(rows, key)
    ]
    if not keyed:
        return np.empty((0, len(columns)))
    shared = [name for name in keyed[0] if all(name in places for places in keyed[1:])]
    return np.mean([values[[places[name] for name in shared]] for places in keyed], axis=0)


def _curve(table: pd.DataFrame, chosen: NDArray[np.bool_], key: str, macs: str, column: str) -> Curve:
    bounds = [name for name in (f"{column}_low", f"{column}_high") if name in table]
    # Tables are wide: only what is asked for is copied.
    rows = table.loc[chosen, list(dict.fromkeys(["run", key, macs, column, *bounds]))]
    drawn = rows[[macs, column]].to_numpy(dtype=np.float64)
    singles = [(drawn[part, 0], drawn[part, 1]) for part in _by_run(rows, key)]
    bounded = len(bounds) == 2 and len(singles) == 1 and bool(rows[bounds[0]].notna().all())
    mean = mean_over_seeds(rows, key, [macs, column, *(bounds if bounded else ())]).T
    low, high = mean[2:] if bounded else (None, None)
    return Curve(mean[0], mean[1], low, high, tuple(singles) if len(singles) > 1 else ())


def _by_run(rows: pd.DataFrame, key: str) -> list[NDArray[np.intp]]:
    """Places of each run's rows, in the order of ``key``; runs are in the order of their names."""
    runs, names = pd.factorize(rows["run"], sort=True)
    order = np.lexsort((rows[key].to_numpy(dtype=np.float64), runs))
    return [order[runs[order] == run] for run in range(len(names))]


def _swept(table: pd.DataFrame, policy: str, mode: str) -> NDArray[np.bool_]:
    return _is(table, "kind", "policy") & _is(table, "policy", policy) & _is(table, "mode", mode)


def _is(table: pd.DataFrame, column: str, value: str) -> NDArray[np.bool_]:
    return (table[column] == value).to_numpy(dtype=bool)
