"""The sweep: every policy at every budget, scored on one exit table.

No network is run. A point is a gather over the table, so thousands of them take seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import registry
from bench.budget.bootstrap import IdentityBootstrap
from bench.budget.curve_summaries import comparison_records, summarise
from bench.budget.distribution import ExitFractions, solve_a
from bench.budget.points import Points, SweepContext, point_records, score_points
from bench.budget.policy import Policy
from bench.budget.probe import check_confidences, confidences
from bench.budget.query_scores import METRICS, per_query_scores
from bench.budget.references import free_oracle_exits, hull_exits, oracle_curve
from bench.budget.thresholding.contract import Thresholding
from bench.errors import BenchError
from bench.retrieval.blocks import map_rows
from bench.retrieval.table import ExitTable, FloatArray, Signals
from bench.spec import SweepSpec, plain_number


def grid(spec: SweepSpec, costs: FloatArray) -> tuple[float, ...]:
    """List the values of ``a`` that a sweep visits, for costs (S,)."""
    if spec.a_values:
        return spec.a_values
    return tuple(solve_a(costs, budget) for budget in np.linspace(costs[0], costs[-1], spec.budgets))


def policy_costs(
    policy: Policy, signals: Signals, costs: FloatArray, policy_mac: float = 1.0, search: FloatArray | None = None
) -> FloatArray:
    """Add what a policy itself computes to the costs (S,) of the exits: it decides at each that a query reaches.

    ``policy_mac`` is what one of its multiply-adds costs, and ``search`` (S,) what a search of the gallery costs at
    each exit, in the unit of ``costs``. These have one search, where a query leaves: a policy that reads what searches
    find has one at every exit that is passed, too.
    """
    paid = costs + policy_mac * np.cumsum(policy.macs(signals.dims, signals.classes))
    if search is not None and policy.searches:
        paid[1:] += np.cumsum(search)[:-1]
    return paid


def sweep(
    table: ExitTable,
    costs: FloatArray,
    spec: SweepSpec,
    policies: Sequence[Policy],
    calibration: Signals | None = None,
    policy_mac: float = 1.0,
    held_out: FloatArray | None = None,
    search: FloatArray | None = None,
) -> list[dict[str, Any]]:
    """Score policies × thresholdings × budgets, the exits alone and the oracle: one record (plain values) each.

    Every record of a point holds the requested and the realised cost in the unit of ``costs`` (S,), what a query pays
    that leaves at each exit; each metric with its interval over identities; and what it gains at the same realised
    cost, paired (:func:`bench.budget.points.point_records`). Records of kind ``curve`` sum up a policy's curve, those
    of kind ``comparison`` set two policies against each other (:mod:`bench.budget.curve_summaries`). A policy's own
    multiply-adds, each at ``policy_mac``, and the searches (S,) that it needs at exits that are passed, are part of its
    costs, so that its budgets begin and end above those of the exits. ``held_out`` (S,) is what each exit scores in mAP
    on held-out identities: with it curves are set against the hull of the exits too.

    Raises BenchError where there are fewer than two exits, costs do not rise strictly, a thresholding is unknown, or
    one needs ``calibration`` and gets none.
    """
    if len(costs) < 2:
        raise BenchError("a budget sweep needs a method with at least two exits; this one has one: run it without")
    hull = None if held_out is None else hull_exits(costs, held_out.tolist())
    context = _context(table, costs, spec.resamples, spec.seed, policy_mac, hull, search)
    thresholdings = [registry.thresholding(name) for name in spec.thresholdings]
    jobs = [(policy, thresholding) for policy in policies for thresholding in thresholdings]
    scored = map_rows(
        lambda rows: [policy_points(*job, table, context, spec, calibration) for job in jobs[rows]], len(jobs), 1
    )
    curves = [points for part in scored for points in part]
    records = point_records(_exit_points(context), context)
    for part in map_rows(lambda rows: [point_records(points, context) for points in curves[rows]], len(jobs), 1):
        records += part[0]
    records += point_records(_free_oracle(table, context), context) + _oracle_records(context, spec)
    summaries = summarise(curves, context)
    return records + [summary.record() for summary in summaries] + comparison_records(summaries, context)


def exit_records(table: ExitTable, costs: FloatArray, resamples: int, seed: int) -> list[dict[str, Any]]:
    """Score the exits alone, everybody at each: what a run without a sweep records."""
    context = _context(table, costs, resamples, seed)
    return point_records(_exit_points(context), context)


def extra_records(name: str, table: ExitTable, cost: float, resamples: int, seed: int) -> list[dict[str, Any]]:
    """Score an embedding that is no exit, out of its table of one column: what exits have, under the name ``other``."""
    (record,) = exit_records(table, np.array([cost]), resamples, seed)
    gains = tuple(name for name in record if "_gain" in name or "_over_random" in name)
    scores = {name: value for name, value in record.items() if name not in (*gains, "exit_fractions")}
    return [{**scores, "kind": "extra", "other": name, "exit": None}]


def _context(
    table: ExitTable,
    costs: FloatArray,
    resamples: int,
    seed: int,
    policy_mac: float = 1.0,
    hull: Sequence[int] | None = None,
    search: FloatArray | None = None,
) -> SweepContext:
    bootstrap = IdentityBootstrap.draw(table.outcomes.query_pids, resamples, seed)
    return SweepContext.of(per_query_scores(table.outcomes), costs, bootstrap, policy_mac, hull, search)


def _exit_points(context: SweepContext) -> Points:
    queries, num_exits, _ = context.scores.shape
    labels = [
        {"kind": "exit", "policy": "", "thresholding": "", "a": None, "exit": index, "requested_cost": float(cost)}
        for index, cost in enumerate(context.costs)
    ]
    everybody = np.broadcast_to(np.arange(num_exits)[None, :, None], (1, num_exits, queries))
    return score_points(context, labels, everybody)


def policy_points(
    policy: Policy,
    thresholding: Thresholding,
    table: ExitTable,
    context: SweepContext,
    spec: SweepSpec,
    calibration: Signals | None,
) -> Points:
    """Let one policy decide at every budget under one thresholding, and score that over every shuffle.

    Raises BenchError where the thresholding needs ``calibration`` and there is none.
    """
    thresholding.check(calibration)
    costs = policy_costs(policy, table.signals, context.costs, context.policy_mac, context.search)
    confidence = confidences(policy, table.signals, np.random.default_rng([spec.seed, 1]))
    check_confidences(policy.name, confidence, table.signals)
    held_out = None
    if thresholding.needs == "calibration" and calibration is not None:
        held_out = confidences(policy, calibration, np.random.default_rng([spec.seed, 2]))
    a_values = grid(spec, costs)
    fractions = ExitFractions.of(a_values, len(costs))
    exits = _exits(thresholding, confidence, fractions, held_out, spec)
    labels = [
        {"kind": "policy", "policy": policy.name, "thresholding": thresholding.name, "a": plain_number(a), "exit": None}
        | {"requested_cost": float(p @ costs)}
        for a, p in zip(a_values, fractions.p, strict=True)
    ]
    return score_points(context, labels, exits, costs)


def _exits(
    thresholding: Thresholding,
    confidence: FloatArray,
    fractions: ExitFractions,
    held_out: FloatArray | None,
    spec: SweepSpec,
) -> NDArray[np.integer]:
    """Exits (O, K, N) under every shuffle that is tried, each in the order of the table."""
    if not thresholding.order_matters:
        return thresholding.exits(confidence, fractions, held_out, np.random.default_rng([spec.seed, 4]))[None]
    exits = np.empty((spec.shuffles, len(fractions.p), len(confidence)), dtype=np.int8)
    for number in range(spec.shuffles):
        order = np.random.default_rng([spec.seed, 3, number]).permutation(len(confidence))
        generator = np.random.default_rng([spec.seed, 4, number])
        exits[number][:, order] = thresholding.exits(confidence[order], fractions, held_out, generator)
    return exits


def _free_oracle(table: ExitTable, context: SweepContext) -> Points:
    exits = free_oracle_exits(table.outcomes)
    labels = {"kind": "oracle", "policy": "earliest right exit", "thresholding": "free", "a": None, "exit": None}
    return score_points(context, [{**labels, "requested_cost": float(context.costs[exits].mean())}], exits[None, None])


def _oracle_records(context: SweepContext, spec: SweepSpec) -> list[dict[str, Any]]:
    """The budget-constrained oracle, for mAP and for rank-1 apart: each is a bound on its own metric alone."""
    records = []
    for metric in ("mAP", "rank-1"):
        curve_costs, curve_scores = oracle_curve(context.scores[..., METRICS.index(metric)], context.costs)
        for budget in np.linspace(context.costs[0], context.costs[-1], max(spec.budgets, 21)):
            records.append(
                {
                    "kind": "oracle",
                    "policy": f"best {metric} for the budget",
                    "thresholding": "constrained",
                    "a": None,
                    "exit": None,
                    "requested_cost": float(budget),
                    "realised_cost": float(min(budget, curve_costs[-1])),
                    metric: float(np.interp(budget, curve_costs, curve_scores)),
                }
            )
    return records
