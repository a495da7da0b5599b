"""Two sides' results beside each other: exit by exit and policy by policy, tested over people and, with several, seeds.

A side is one run, or runs that differ by their seed alone. Values come from the records. Draws need every query's
outcomes: the runs' exit tables, from which policies decide again as they did in the sweep. Identities are redrawn, the
same ones for all runs. Where a run keeps no tables, the intervals of its records stand in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.budget.bootstrap import IdentityBootstrap
from bench.budget.crossed import Lead, Networks, lead, test_people
from bench.budget.curve_area import common_budgets
from bench.budget.query_scores import CURVE_METRICS
from bench.budget.significance import holm
from bench.errors import BenchError
from bench.runs.comparable import comparable
from bench.runs.finding import KeptRun
from bench.runs.redrawn import Budgets, RedrawnRun, Value

RESAMPLES, SEED = 1000, 0
"""Draws of the bootstrap and their seed: the defaults of ``bench run``."""
EVERYTHING = ""
"""Name under which it stands why nothing at all was redrawn."""


@dataclass(frozen=True)
class Difference:
    """One metric on two sides, means over their seeds, and the second's lead where it was tested."""

    first: float
    second: float
    tested: Lead | None = None
    p_holm: float | None = None

    @property
    def lead(self) -> float:
        """How much more the second side has."""
        return self.second - self.first


@dataclass(frozen=True)
class Row:
    """One exit or policy of both sides: costs of the exits (None for policies), a difference for each metric."""

    names: tuple[str, str]
    costs: tuple[float, float] | None
    metrics: Mapping[str, Difference]


@dataclass(frozen=True)
class PairedResults:
    """Two sides' results: rows, the budgets (2,) that policies share, their thresholding, what was left out and why."""

    exits: tuple[Row, ...]
    policies: tuple[Row, ...]
    thresholding: str
    cost: Mapping[str, Any]
    """What costs and budgets are in."""
    budgets: Budgets | None
    tests: int
    """How many differences were tested together, those of all metrics."""
    seeds: tuple[int, int]
    """How many runs each side has."""
    not_redrawn: Mapping[str, str]
    """What was tested from recorded intervals, by name, and why; :data:`EVERYTHING` stands for all of it."""
    left_out: Mapping[str, str]
    """Policies that all runs swept and that cannot be compared, and why."""


Side = tuple[RedrawnRun, ...]


def pair_results(first: Sequence[KeptRun], second: Sequence[KeptRun]) -> PairedResults:
    """Compare what two sides came to: exits by index, and the last with the last; policies that all runs swept.

    Raises BenchError where the runs are not comparable (:func:`bench.runs.comparable.comparable`), or where their exit
    tables are not of the same queries.
    """
    chosen = comparable(*first, *second)
    redrawn = [RedrawnRun(run.folder, scored) for run, scored in zip((*first, *second), chosen, strict=True)]
    sides = tuple(redrawn[: len(first)]), tuple(redrawn[len(first) :])
    not_redrawn, left_out = {}, {}
    problem = next(filter(None, (run.why_no_table() for run in redrawn)), "")
    if problem:
        not_redrawn[EVERYTHING] = problem
    else:
        _check_queries(redrawn)
        bootstrap = IdentityBootstrap.draw(redrawn[0].table.outcomes.query_pids, RESAMPLES, SEED)
        for run in redrawn:
            run.draw(bootstrap)
    exits = [_exits(sides, indices) for indices in _indices(*(len(side[0].costs) for side in sides))]
    thresholding = next((name for name in redrawn[0].thresholdings if _swept(redrawn, name)), "")
    budgets = common_budgets([run.costs for run in redrawn])
    policies = []
    for name in _swept(redrawn, thresholding):
        if budgets is None:
            break
        if not all(run.reaches(name, thresholding) for run in redrawn):
            left_out[name] = "realised budgets cover too little of the way between the exits"
            continue
        if len({run.scored.policy_version(name) for run in redrawn}) > 1:
            left_out[name] = "the runs recorded different versions of it; sweep again"
            continue
        undecided = (run.decide_again(name, thresholding) for run in redrawn if not problem)
        if why := next(filter(None, undecided), ""):
            not_redrawn[name] = why
        policies.append(_policies(sides, name, thresholding, budgets))
    rows, tests = _tested([*exits, *policies], _people(chosen[0].header, redrawn[0] if not problem else None))
    return PairedResults(
        exits=rows[: len(exits)],
        policies=rows[len(exits) :],
        thresholding=thresholding,
        cost=chosen[0].cost,
        budgets=budgets,
        tests=tests,
        seeds=(len(first), len(second)),
        not_redrawn=not_redrawn,
        left_out=left_out,
    )


@dataclass(frozen=True)
class _Measured:
    """A row before it is tested: for each metric the values of all runs of both sides."""

    names: tuple[str, str]
    costs: tuple[float, float] | None
    values: Mapping[str, tuple[list[Value], list[Value]]]


def _indices(first: int, second: int) -> list[tuple[int, int]]:
    """Pair exits by index, and the last with the last where one side has more."""
    pairs = [(index, index) for index in range(min(first, second))]
    return pairs if first == second else [*pairs, (first - 1, second - 1)]


def _exits(sides: tuple[Side, Side], indices: tuple[int, int]) -> _Measured:
    one, other = (side[0] for side in sides)
    at_one, at_other = indices
    return _Measured(
        (one.scored.exits[at_one].name, other.scored.exits[at_other].name),
        (float(one.costs[at_one]), float(other.costs[at_other])),
        {
            metric: ([run.exit_value(at_one, metric) for run in sides[0]],
                     [run.exit_value(at_other, metric) for run in sides[1]])
            for metric in CURVE_METRICS
        },
    )  # fmt: skip


def _policies(sides: tuple[Side, Side], name: str, thresholding: str, budgets: Budgets) -> _Measured:
    def values(side: Side, metric: str) -> list[Value]:
        return [run.mean_value(name, thresholding, metric, budgets) for run in side]

    metrics = {metric: (values(sides[0], metric), values(sides[1], metric)) for metric in CURVE_METRICS}
    return _Measured((name, name), None, metrics)


def _swept(runs: Sequence[RedrawnRun], thresholding: str) -> list[str]:
    """Policies that all runs swept in a thresholding, in the order of the first run."""
    others = [set(run.policies(thresholding)) for run in runs[1:]]
    return [name for name in runs[0].policies(thresholding) if all(name in other for other in others)]


def _check_queries(runs: Sequence[RedrawnRun]) -> None:
    first = runs[0].table
    for run in runs[1:]:
        same_people = np.array_equal(first.outcomes.query_pids, run.table.outcomes.query_pids)
        if not same_people or not np.array_equal(first.signals.query_camids, run.table.signals.query_camids):
            raise BenchError(
                f"the exit tables in {runs[0].folder.path} and {run.folder.path} are not of the same queries: "
                "remove them, and the bench run that made each run makes its tables again"
            )


def _people(header: Mapping[str, Any], run: RedrawnRun | None) -> int:
    """Count the test identities; many, where neither tables nor header say how many."""
    if run is not None:
        return len(np.unique(run.table.outcomes.query_pids))
    return test_people(header["dataset"]["counts"])


def _tested(measured: Sequence[_Measured], people: int) -> tuple[tuple[Row, ...], int]:
    """Test every difference, Holm's correction counting those of all rows and metrics; gives their number as well."""
    found: list[dict[str, Difference]] = [{} for _ in measured]
    for row, values in zip(found, (one.values for one in measured), strict=True):
        for metric, (ones, others) in values.items():
            first, second = (float(np.mean([value.number for value in part])) for part in (ones, others))
            sides = _networks(others), _networks(ones)
            uncertain = all(side.draws is not None or side.errors is not None for side in sides)
            row[metric] = Difference(first, second, lead(*sides, people=people) if uncertain else None)
    tested = [(row, metric, one.tested) for row in found for metric, one in row.items() if one.tested]
    if tested:
        corrected = holm(np.array([one.p for _, _, one in tested]))
        for (row, metric, _), p in zip(tested, corrected.tolist(), strict=True):
            row[metric] = replace(row[metric], p_holm=p)
    rows = (Row(row.names, row.costs, metrics) for row, metrics in zip(measured, found, strict=True))
    return tuple(rows), len(tested)


def _networks(values: Sequence[Value]) -> Networks:
    draws = [value.draws for value in values if value.draws is not None]
    errors = [value.error for value in values if value.error is not None]
    return Networks(
        np.array([value.number for value in values]),
        np.stack(draws, axis=1) if len(draws) == len(values) else None,
        np.array(errors) if len(errors) == len(values) else None,
    )
