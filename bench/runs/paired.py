"""Results of two runs side by side: exit by exit and policy by policy, tested on the same queries where these are kept.

Values come from the records. Tests need the outcomes of every query: the exit tables of both runs, on which policies
decide again as they did in the sweep. The bootstrap draws the same identities for both runs: differences are paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.budget.bootstrap import IdentityBootstrap, interval
from bench.budget.query_scores import CURVE_METRICS
from bench.budget.significance import holm, p_values
from bench.errors import BenchError
from bench.runs.finding import KeptRun
from bench.runs.load import Run
from bench.runs.redrawn import RedrawnRun, Value

RESAMPLES, SEED = 1000, 0
"""Draws of the bootstrap and their seed: the defaults of ``bench run``."""
EVERYTHING = ""
"""Key of ``PairedResults.untested`` for the reason why nothing at all was tested."""
SAME_MEASURE = ("ap", "signals", "evaluation_version")
"""Settings that must be equal in two evaluations to be compared; the views of an image may differ."""


@dataclass(frozen=True)
class Difference:
    """One metric in two runs, the second less the first; interval and p-values where it was tested."""

    first: float
    second: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None

    @property
    def lead(self) -> float:
        """Value of the second run less that of the first."""
        return self.second - self.first


@dataclass(frozen=True)
class Row:
    """One exit or policy of both runs: costs of the exits (None for policies), a difference for each metric."""

    names: tuple[str, str]
    costs: tuple[float, float] | None
    metrics: Mapping[str, Difference]


@dataclass(frozen=True)
class PairedResults:
    """Two runs' results: rows, the budgets (2,) that policies share, their thresholding, what was left out and why."""

    exits: tuple[Row, ...]
    policies: tuple[Row, ...]
    thresholding: str
    cost: Mapping[str, Any]
    """What costs and budgets are in."""
    budgets: tuple[float, float] | None
    tests: int
    """How many differences of each metric were tested together."""
    untested: Mapping[str, str]
    """What was not tested, by name, and why; :data:`EVERYTHING` stands for all of it."""
    left_out: Mapping[str, str]
    """Policies that both runs swept and that cannot be compared, and why."""


def comparable(first: KeptRun, second: KeptRun) -> tuple[Run, Run]:
    """Choose the evaluations to compare: the newest that both runs have alike.

    Raises :class:`BenchError` where the runs are on different data, one has no results, or none are alike.
    """
    if first.spec["fingerprint"] != second.spec["fingerprint"]:
        found = [f"{run.spec['dataset']} ({str(run.spec['fingerprint'])[:12]})" for run in (first, second)]
        raise BenchError(
            f"the runs are on different data, {found[0]} and {found[1]}: their numbers measure different things"
        )
    for run in (first, second):
        if not run.scored:
            raise BenchError(f"{run.name} has no results that can be used; the bench run that trained it scores it")
    pairs = [(one, other) for one in first.scored for other in second.scored if _measure(one) == _measure(other)]
    if not pairs:
        found = ["; ".join(dict.fromkeys(_measured(one) for one in run.scored)) for run in (first, second)]
        raise BenchError(
            f"the runs were evaluated differently, {found[0]} and {found[1]}: their numbers measure different things; "
            "the same bench run evaluates an older run again, --ap, --signals and --cost choose how"
        )
    return next((pair for pair in pairs if pair[0].evaluation == pair[1].evaluation), pairs[0])


def pair_results(first: KeptRun, second: KeptRun) -> PairedResults:
    """Compare two runs' results: exits by index, and the last with the last; policies that both swept.

    Raises :class:`BenchError` where the runs cannot be compared, as :func:`comparable` does.
    """
    chosen = comparable(first, second)
    sides = (RedrawnRun(first.folder, chosen[0]), RedrawnRun(second.folder, chosen[1]))
    untested, left_out = {}, {}
    problem = _why_undrawn(*sides)
    if problem:
        untested[EVERYTHING] = problem
    else:
        bootstrap = IdentityBootstrap.draw(sides[0].table.outcomes.query_pids, RESAMPLES, SEED)
        for side in sides:
            side.draw(bootstrap)
    exits = [_exits(sides, indices) for indices in _exit_pairs(*(len(side.costs) for side in sides))]
    thresholding = next(
        (thresholding for thresholding in sides[0].thresholdings if thresholding in sides[1].thresholdings), ""
    )
    budgets = _common_budgets(*sides)
    policies = []
    if budgets is not None:
        for name in (name for name in sides[0].policies(thresholding) if name in sides[1].policies(thresholding)):
            if not all(side.reaches(name, thresholding) for side in sides):
                left_out[name] = "its budgets cover too little of the way between the exits"
                continue
            undecided = (
                next(filter(None, (side.decide_again(name, thresholding) for side in sides)), "") if not problem else ""
            )
            if undecided:
                untested[name] = undecided
            policies.append(_policies(sides, name, thresholding, budgets))
    rows, tests = _tested([*exits, *policies])
    return PairedResults(
        rows[: len(exits)], rows[len(exits) :], thresholding, chosen[0].cost, budgets, tests, untested, left_out
    )


@dataclass(frozen=True)
class _Measured:
    """A row before it is tested: for each metric the values of both runs, with draws where there are any."""

    names: tuple[str, str]
    costs: tuple[float, float] | None
    values: Mapping[str, tuple[Value, Value]]


def _exit_pairs(first: int, second: int) -> list[tuple[int, int]]:
    """Pair exits by index, and the last with the last where one run has more."""
    pairs = [(index, index) for index in range(min(first, second))]
    return pairs if first == second else [*pairs, (first - 1, second - 1)]


def _exits(sides: tuple[RedrawnRun, RedrawnRun], indices: tuple[int, int]) -> _Measured:
    (one, at_one), (other, at_other) = zip(sides, indices, strict=True)
    return _Measured(
        (one.scored.exits[at_one].name, other.scored.exits[at_other].name),
        (float(one.costs[at_one]), float(other.costs[at_other])),
        {metric: (one.exit_value(at_one, metric), other.exit_value(at_other, metric)) for metric in CURVE_METRICS},
    )


def _policies(
    sides: tuple[RedrawnRun, RedrawnRun], name: str, thresholding: str, budgets: tuple[float, float]
) -> _Measured:
    one, other = sides
    return _Measured(
        (name, name),
        None,
        {
            metric: (
                one.mean_value(name, thresholding, metric, budgets),
                other.mean_value(name, thresholding, metric, budgets),
            )
            for metric in CURVE_METRICS
        },
    )


def _why_undrawn(first: RedrawnRun, second: RedrawnRun) -> str:
    """Say why nothing can be tested: exit tables are not kept, not those of the records, or not of the same queries."""
    problem = first.why_no_table() or second.why_no_table()
    if problem:
        return problem
    one, other = first.table, second.table
    same_people = np.array_equal(one.outcomes.query_pids, other.outcomes.query_pids)
    if same_people and np.array_equal(one.signals.query_camids, other.signals.query_camids):
        return ""
    return "the exit tables are not of the same queries"


def _common_budgets(first: RedrawnRun, second: RedrawnRun) -> tuple[float, float] | None:
    """Lowest and highest budget that both runs cover; None where they have none in common."""
    if min(len(first.costs), len(second.costs)) < 2:
        return None
    low, high = max(first.costs[0], second.costs[0]), min(first.costs[-1], second.costs[-1])
    return (float(low), float(high)) if low < high else None


def _tested(measured: Sequence[_Measured]) -> tuple[tuple[Row, ...], int]:
    """Test every difference that has draws, Holm's correction counting all of a metric; gives their number as well."""
    found: list[dict[str, Difference]] = [{} for _ in measured]
    tests = 0
    for metric in CURVE_METRICS:
        drawn, draws = [], []
        for index, row in enumerate(measured):
            (one, one_draws), (other, other_draws) = row.values[metric]
            found[index][metric] = Difference(one, other)
            if one_draws is not None and other_draws is not None:
                drawn.append(index)
                draws.append(other_draws - one_draws)
        tests = len(drawn)
        if not drawn:
            continue
        stacked = np.stack(draws, axis=1)
        p = p_values(np.array([found[index][metric].lead for index in drawn]), stacked)
        numbers = np.stack([*interval(stacked), p, holm(p)], axis=1).tolist()
        for index, (low, high, plain, corrected) in zip(drawn, numbers, strict=True):
            found[index][metric] = replace(found[index][metric], low=low, high=high, p=plain, p_holm=corrected)
    return tuple(Row(row.names, row.costs, metrics) for row, metrics in zip(measured, found, strict=True)), tests


def _measure(scored: Run) -> tuple[Any, ...]:
    return (*(scored.evaluation.get(name) for name in SAME_MEASURE), scored.cost["name"], scored.cost.get("machine"))


def _measured(scored: Run) -> str:
    values = scored.evaluation
    version = values.get("evaluation_version", "unknown")
    cost = ", ".join(str(scored.cost[name]) for name in ("name", "machine") if name in scored.cost)
    return f"AP {values['ap']}, signals {values['signals']}, version {version}, budgets in {cost}"
