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

from bench.findings.records import with_ends
from bench.findings.setups import Setup
from bench.retrieval.table import FloatArray


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


_KEYS = {"exit": "exit", "policy": "a", "oracle": "requested_cost"}
"""The column by which the rows of a curve are in order, and by which those of several seeds belong together."""
_COLUMNS: WeakKeyDictionary[Setup, dict[tuple[str, str], list[FloatArray]]] = WeakKeyDictionary()
"""Columns of a setup's runs by kind and name, read once: figures and tables use each many times."""


def exit_curve(setup: Setup, column: str) -> Curve:
    """Everybody at one exit: a point for each exit, first to last. Joined, they interpolate between exits."""
    return _curve(_read(setup, "exit", "", "", ["realised_cost", *with_ends(column)]))


def policy_curve(setup: Setup, policy: str, thresholding: str, column: str) -> Curve:
    """One policy over all budgets, from the lowest on, at realised cost."""
    return _curve(_read(setup, "policy", policy, thresholding, ["realised_cost", *with_ends(column)]))


def oracle_curve(setup: Setup, metric: str) -> Curve | None:
    """The best that any rule could do within a budget, knowing the labels; None where it was not swept."""
    # Past its end the curve is flat, and the realised cost stands still: a bound belongs to the requested budget.
    columns = ["requested_cost", *with_ends(metric)]
    read = _read(setup, "oracle", f"best {metric} for the budget", "constrained", columns)
    known = [of_run[~np.isnan(of_run[:, 2])] for of_run in read]
    measured = [of_run for of_run in known if len(of_run)]
    return _curve(measured) if measured else None


def policy_means(setup: Setup, policy: str, thresholding: str, columns: Sequence[str]) -> FloatArray:
    """Columns of one policy in one thresholding, (K, columns), means over the seeds at equal ``a`` from the lowest on.

    Only budgets that all seeds have.
    """
    read = _read(setup, "policy", policy, thresholding, columns)
    return _means(read) if read else np.empty((0, len(columns)))


def policy_runs(setup: Setup, policy: str, thresholding: str, columns: Sequence[str]) -> list[FloatArray]:
    """Columns of one policy in one thresholding, (K, columns) for each run, from the lowest ``a`` on."""
    return [of_run[:, 1:] for of_run in _read(setup, "policy", policy, thresholding, columns)]


def _read(setup: Setup, kind: str, policy: str, thresholding: str, columns: Sequence[str]) -> list[FloatArray]:
    """Read the key and columns, (K, 1 + columns) from the lowest key on, of each run that has such records.

    Runs are in the order of their names.
    """
    runs = sorted(setup.runs, key=lambda run: run.identity)
    kept = _COLUMNS.setdefault(setup, {})
    for name in (_KEYS[kind], *columns):
        if (kind, name) not in kept:
            kept[kind, name] = [run.frames.numbers(kind, [name])[:, 0] for run in runs]
    found = []
    for index, run in enumerate(runs):
        rows = run.frames.by_policy(kind).get((policy, thresholding))
        if rows is not None:
            read = np.stack([kept[kind, name][index][rows] for name in (_KEYS[kind], *columns)], axis=1)
            found.append(read[np.argsort(read[:, 0], kind="stable")])
    return found


def _means(read: Sequence[FloatArray]) -> FloatArray:
    """Average what :func:`_read` gives, (K, columns), over the runs at the keys that all of them have."""
    # The root that gives a budget is found anew for every run: its last digits may differ.
    keyed = [{f"{key:.9g}": row for row, key in enumerate(of_run[:, 0])} for of_run in read]
    shared = [key for key in keyed[0] if all(key in other for other in keyed[1:])]
    rows = [np.array([by_key[key] for key in shared], dtype=np.intp) for by_key in keyed]
    return np.array([of_run[own, 1:] for of_run, own in zip(read, rows, strict=True)]).mean(axis=0)


def _curve(read: Sequence[FloatArray]) -> Curve:
    """Make a curve of cost, value and the ends of its interval, as :func:`_read` gives them."""
    if not read:
        return Curve(np.empty(0), np.empty(0), None, None, ())
    costs, values, low, high = _means(read).T
    bounded = not any(np.isnan(of_run[:, 3:]).any() for of_run in read)
    singles = tuple((of_run[:, 1], of_run[:, 2]) for of_run in read)
    return Curve(costs, values, low if bounded else None, high if bounded else None, singles if singles[1:] else ())
