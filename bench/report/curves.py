"""Curves out of records: metric against multiply-adds for one run, or the mean over the seeds of a setup.

Each function takes rows of one setup. With one run, a curve carries the records' intervals; with several seeds it is
their mean at the same budget, the single seeds' lines go along, and no interval is given, since the records' intervals
cover the choice of test identities and not that of the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
MINIMUM_REACH = 0.75
"""Share of the way between the exits' costs that a curve must cover to have an area."""


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


@dataclass(frozen=True)
class Area:
    """One number for a curve: its mean height from the first exit's cost to the last's, beside what bounds it."""

    policy: float
    straight_line: float
    oracle: float

    @property
    def gap_closed(self) -> float:
        """Share of the oracle's lead over the straight line that the policy wins; nan where there is no lead."""
        lead = self.oracle - self.straight_line
        return (self.policy - self.straight_line) / lead if lead > 0 else float("nan")


def area(table: pd.DataFrame, policy: str, mode: str, metric: str) -> Area:
    """Areas under the budget curve of one run, normalised on [cost of the first exit, cost of the last]."""
    exits, oracle = exit_curve(table, metric), oracle_curve(table, metric)
    return Area(
        policy=_mean_height(policy_curve(table, policy, mode, metric), exits),
        straight_line=_mean_height(exits, exits),
        oracle=_mean_height(oracle, exits) if oracle else float("nan"),
    )


def _mean_height(curve: Curve, exits: Curve) -> float:
    """Mean of a curve from the first exit's cost to the last's; nan where it leaves out more than a quarter of the way.

    A stream never quite spends all: the first query leaves at once. There, the exit alone closes the curve.
    """
    if len(curve) < 2 or len(exits) < 2:
        return float("nan")
    first, last = exits.macs[0], exits.macs[-1]
    order = np.argsort(curve.macs, kind="stable")
    macs, values = curve.macs[order], curve.values[order]
    if min(macs[-1], last) - max(macs[0], first) < MINIMUM_REACH * (last - first) or last <= first:
        return float("nan")
    if macs[0] > first:
        macs, values = np.append(first, macs), np.append(exits.values[0], values)
    if macs[-1] < last:
        macs, values = np.append(macs, last), np.append(values, exits.values[-1])
    inside = np.concatenate([[first], macs[(macs > first) & (macs < last)], [last]])
    return float(np.trapezoid(np.interp(inside, macs, values), inside) / (last - first))
