"""The sweep: every policy at every budget, scored on one exit table.

No network is run. A point is a gather over the table, so thousands of them take seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.budget.bootstrap import IdentityBootstrap, interval
from bench.budget.distribution import conditional_exit, exit_distribution, solve_a
from bench.budget.policy import Policy
from bench.budget.references import free_oracle_exits, oracle_curve, random_shares, straight_lines
from bench.budget.thresholds import calibrate, exact_exits, stream_exits, threshold_exits
from bench.errors import BenchError
from bench.retrieval.table import HIT_RANKS, ExitTable, FloatArray, IntArray, Outcomes, Signals
from bench.spec import SweepMode, SweepSpec, plain_number

METRICS = ("mAP", "mINP", *(f"rank-{rank}" for rank in HIT_RANKS))
"""What is scored at each point, as shares from 0 to 1."""


def grid(spec: SweepSpec, costs: FloatArray) -> tuple[float, ...]:
    """List the values of ``a`` that a sweep visits, for costs (S,)."""
    if spec.a_values:
        return spec.a_values
    return tuple(solve_a(costs, budget) for budget in np.linspace(costs[0], costs[-1], spec.budgets))


def policy_costs(policy: Policy, signals: Signals, costs: FloatArray) -> FloatArray:
    """Add what a policy itself computes to the costs (S,) of the exits: it decides at each that a query reaches."""
    return costs + np.cumsum(policy.macs(signals.dims, signals.classes))


@dataclass(frozen=True)
class _Point:
    """One policy at one budget: what each query got, (N,) and (N, metrics), averaged over ``exits`` of every order."""

    labels: Mapping[str, Any]
    cost: FloatArray
    quality: FloatArray
    shares: FloatArray
    order_spread: float


def per_query_quality(outcomes: Outcomes) -> FloatArray:
    """Lay the outcomes out as (N, S, metrics), in the order of :data:`METRICS`."""
    return np.concatenate(
        [outcomes.average_precision[..., None], outcomes.inverse_negative_penalty[..., None], outcomes.hits], axis=2
    )


def sweep(
    table: ExitTable,
    costs: FloatArray,
    spec: SweepSpec,
    policies: Sequence[Policy],
    calibration: Signals | None = None,
) -> list[dict[str, Any]]:
    """Score policies × modes × budgets, the exits alone and the oracle: one record (plain values) each.

    Every record holds the requested and the realised cost in multiply-adds, each metric with its interval over
    identities, and what it gains at the same realised cost, paired: over the straight line between exits (``_gain``)
    and over random exits (``_over_random``). A policy's own multiply-adds are part of its costs, so that its budgets
    begin and end above those of the exits.
    """
    if len(costs) < 2:
        raise BenchError("a budget sweep needs a method with at least two exits; this one has one: run it without")
    quality = per_query_quality(table.outcomes)
    bootstrap = IdentityBootstrap.draw(table.outcomes.query_pids, spec.resamples, spec.seed)
    points = [*_exit_points(quality, costs)]
    for policy in policies:
        for mode in spec.modes:
            points += _policy_points(policy, mode, table, quality, costs, spec, calibration)
    points.append(_free_oracle(table.outcomes, quality, costs))
    return _records(points, quality, costs, bootstrap) + _oracle_records(quality, costs, spec)


def exit_records(table: ExitTable, costs: FloatArray, resamples: int, seed: int) -> list[dict[str, Any]]:
    """Score the exits alone, everybody at each: what a run without a sweep records."""
    quality = per_query_quality(table.outcomes)
    bootstrap = IdentityBootstrap.draw(table.outcomes.query_pids, resamples, seed)
    return _records([*_exit_points(quality, costs)], quality, costs, bootstrap)


def _exit_points(quality: FloatArray, costs: FloatArray) -> Sequence[_Point]:
    queries, num_exits, _ = quality.shape
    return [
        _Point(
            {"kind": "exit", "policy": "", "mode": "", "a": None, "exit": index, "requested_macs": float(costs[index])},
            np.full(queries, costs[index]),
            quality[:, index],
            np.eye(num_exits)[index],
            0.0,
        )
        for index in range(num_exits)
    ]


def _policy_points(
    policy: Policy,
    mode: SweepMode,
    table: ExitTable,
    quality: FloatArray,
    costs: FloatArray,
    spec: SweepSpec,
    calibration: Signals | None,
) -> Sequence[_Point]:
    if mode == "calibrated" and calibration is None:
        raise BenchError("mode calibrated needs identities held out of training: train with --calibration above 0")
    costs = policy_costs(policy, table.signals, costs)
    confidence = policy.confidence(table.signals, np.random.default_rng([spec.seed, 1]))
    held_out = policy.confidence(calibration, np.random.default_rng([spec.seed, 2])) if calibration else None
    orders = [np.random.default_rng([spec.seed, 3, order]).permutation(len(table)) for order in range(spec.orders)]
    points = []
    for a in grid(spec, costs):
        p = exit_distribution(a, len(costs))
        q = conditional_exit(p)
        assignments: list[IntArray] = []
        if mode == "stream":
            for order in orders:
                exits = np.empty(len(table), dtype=np.int64)
                exits[order] = stream_exits(confidence[order], q)
                assignments.append(exits)
        elif mode == "exact":
            assignments.append(exact_exits(confidence, p, np.random.default_rng([spec.seed, 4])))
        else:
            assert held_out is not None
            assignments.append(threshold_exits(confidence, calibrate(held_out, q)))
        labels = {
            "kind": "policy",
            "policy": policy.name,
            "mode": mode,
            "a": plain_number(a),
            "exit": None,
            "requested_macs": float(p @ costs),
        }
        points.append(_gather(labels, assignments, quality, costs))
    return points


def _free_oracle(outcomes: Outcomes, quality: FloatArray, costs: FloatArray) -> _Point:
    exits = free_oracle_exits(outcomes)
    labels = {"kind": "oracle", "policy": "earliest right exit", "mode": "free", "a": None, "exit": None}
    return _gather({**labels, "requested_macs": float(costs[exits].mean())}, [exits], quality, costs)


def _gather(
    labels: Mapping[str, Any], assignments: Sequence[IntArray], quality: FloatArray, costs: FloatArray
) -> _Point:
    rows = np.arange(len(quality))
    chosen = np.stack([quality[rows, exits] for exits in assignments])
    shares = np.stack([np.bincount(exits, minlength=len(costs)) for exits in assignments]) / len(quality)
    spread = chosen[..., 0].mean(axis=1).std(ddof=1) if len(assignments) > 1 else 0.0
    cost = np.mean([costs[exits] for exits in assignments], axis=0)
    return _Point(labels, cost, chosen.mean(axis=0), shares.mean(axis=0), float(spread))


def _records(
    points: Sequence[_Point], quality: FloatArray, costs: FloatArray, bootstrap: IdentityBootstrap
) -> list[dict[str, Any]]:
    cost = np.stack([point.cost for point in points], axis=1)
    scored = np.stack([point.quality for point in points], axis=1)
    cost_draws, scored_draws = bootstrap.means(cost), bootstrap.means(scored)
    cost_low, cost_high = interval(cost_draws)
    low, high = interval(scored_draws)
    exit_draws = bootstrap.means(quality)
    mean_cost, mean_scored, exit_means = cost.mean(axis=0), scored.mean(axis=0), quality.mean(axis=0)
    leads = {}
    nodes, shares = random_shares(costs)
    for name, at, weights in (("gain", costs, np.eye(len(costs))), ("over_random", nodes, shares)):
        # The point and what it is compared with are redrawn with the same people, so their difference is paired.
        baseline_draws = np.stack(
            [straight_lines(at, exit_draws[..., m] @ weights.T, cost_draws) for m in range(len(METRICS))], axis=2
        )
        baseline = np.stack(
            [straight_lines(at, exit_means[None, :, m] @ weights.T, mean_cost[None])[0] for m in range(len(METRICS))],
            axis=1,
        )
        leads[name] = (mean_scored - baseline, *interval(scored_draws - baseline_draws))
    records = []
    for index, point in enumerate(points):
        record = {
            **point.labels,
            "realised_macs": float(mean_cost[index]),
            "realised_macs_low": float(cost_low[index]),
            "realised_macs_high": float(cost_high[index]),
            "exit_shares": point.shares.tolist(),
            "order_spread_mAP": point.order_spread,
        }
        for m, metric in enumerate(METRICS):
            record[metric] = float(mean_scored[index, m])
            record[f"{metric}_low"], record[f"{metric}_high"] = float(low[index, m]), float(high[index, m])
            for name, parts in leads.items():
                for suffix, part in zip(("", "_low", "_high"), parts, strict=True):
                    record[f"{metric}_{name}{suffix}"] = float(part[index, m])
        records.append(record)
    return records


def _oracle_records(quality: FloatArray, costs: FloatArray, spec: SweepSpec) -> list[dict[str, Any]]:
    """The budget-constrained oracle, for mAP and for rank-1 apart: each is a bound on its own metric alone."""
    records = []
    for metric in ("mAP", "rank-1"):
        curve_costs, curve_quality = oracle_curve(quality[..., METRICS.index(metric)], costs)
        for budget in np.linspace(costs[0], costs[-1], max(spec.budgets, 21)):
            records.append(
                {
                    "kind": "oracle",
                    "policy": f"best {metric} for the budget",
                    "mode": "constrained",
                    "a": None,
                    "exit": None,
                    "requested_macs": float(budget),
                    "realised_macs": float(min(budget, curve_costs[-1])),
                    metric: float(np.interp(budget, curve_costs, curve_quality)),
                }
            )
    return records
