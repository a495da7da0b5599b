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
    return _curve(table[table["kind"] == "exit"], "exit", "realised_macs", column)


def policy_curve(table: pd.DataFrame, policy: str, mode: str, column: str) -> Curve:
    """One policy over all budgets, from the lowest on, at realised cost."""
    return _curve(policy_rows(table, policy, mode), "a", "realised_macs", column)


def oracle_curve(table: pd.DataFrame, metric: str) -> Curve | None:
    """The best that any rule could do within a budget, knowing the labels; None where it was not swept."""
    rows = table[(table["kind"] == "oracle") & (table["mode"] == "constrained")]
    if metric not in rows:
        return None
    rows = rows[rows["policy"] == f"best {metric} for the budget"].dropna(subset=[metric])
    # Past its end the curve is flat, and the realised cost stands still: a bound belongs to the requested budget.
    return _curve(rows, "requested_macs", "requested_macs", metric) if len(rows) else None


def policy_rows(table: pd.DataFrame, policy: str, mode: str) -> pd.DataFrame:
    """Rows of one policy in one mode, from the lowest budget on."""
    chosen = (table["kind"] == "policy") & (table["policy"] == policy) & (table["mode"] == mode)
    return table[chosen].sort_values(["run", "a"])


def mean_over_seeds(rows: pd.DataFrame, key: str, columns: Sequence[str]) -> FloatArray:
    """Columns as (K, columns), averaged over the runs at equal ``key``; only keys that every run has."""
    parts = []
    for _, part in rows.sort_values(["run", key]).groupby("run"):
        # The root that gives a budget is found anew for every run: its last digits may differ.
        parts.append(part.set_index(part[key].map(lambda value: f"{value:.9g}"))[list(columns)])
    if not parts:
        return np.empty((0, len(columns)))
    shared = [value for value in parts[0].index if all(value in part.index for part in parts[1:])]
    return np.mean([part.loc[shared].to_numpy(dtype=np.float64) for part in parts], axis=0)


def _curve(rows: pd.DataFrame, key: str, macs: str, column: str) -> Curve:
    singles = []
    for _, part in rows.sort_values(["run", key]).groupby("run"):
        singles.append((part[macs].to_numpy(dtype=np.float64), part[column].to_numpy(dtype=np.float64)))
    mean = mean_over_seeds(rows, key, [macs, column])
    low = high = None
    bounded = {f"{column}_low", f"{column}_high"} <= set(rows.columns)
    if len(singles) == 1 and bounded and rows[f"{column}_low"].notna().all():
        low, high = mean_over_seeds(rows, key, [f"{column}_low", f"{column}_high"]).T
    return Curve(mean[:, 0], mean[:, 1], low, high, tuple(singles) if len(singles) > 1 else ())
