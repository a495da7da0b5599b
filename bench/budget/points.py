"""Points of accuracy against cost: what queries get that leave where they are told to, with draws of the bootstrap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.budget.bootstrap import IdentityBootstrap, interval
from bench.budget.query_scores import METRICS
from bench.budget.references import interpolated, random_shares
from bench.retrieval.table import FloatArray, IntArray


@dataclass(frozen=True)
class ReferenceCurve:
    """What points are compared with at their own cost: means (nodes, metrics) at costs (nodes,), straight between.

    ``suffix`` names what is gained over it; ``draws`` are (R, nodes, metrics).
    """

    suffix: str
    costs: FloatArray
    means: FloatArray
    draws: FloatArray


@dataclass(frozen=True)
class SweepContext:
    """What every point of a sweep is scored on: quality (N, S, metrics) of the queries at exits that cost (S,)."""

    quality: FloatArray
    costs: FloatArray
    bootstrap: IdentityBootstrap
    exit_draws: FloatArray
    """(R, S, metrics) means of the exits alone under every draw."""
    references: tuple[ReferenceCurve, ...]
    """Interpolation between exits (``_gain``), and random exits (``_over_random``)."""
    policy_mac: float = 1.0
    """What one multiply-add of a policy costs, in the unit of the exits' costs."""

    @classmethod
    def of(
        cls, quality: FloatArray, costs: FloatArray, bootstrap: IdentityBootstrap, policy_mac: float = 1.0
    ) -> SweepContext:
        """Draw the exits' means."""
        means, draws = quality.mean(axis=0), bootstrap.means(quality)
        nodes, shares = random_shares(costs)
        references = (
            ReferenceCurve("_gain", costs, means, draws),
            ReferenceCurve("_over_random", nodes, shares @ means, shares @ draws),
        )
        return cls(quality, costs, bootstrap, draws, references, policy_mac)


@dataclass(frozen=True)
class Points:
    """K points, the points of one curve or single ones, as means and under each of R draws."""

    labels: Sequence[Mapping[str, Any]]
    cost: FloatArray
    """(K,) realised cost."""
    cost_draws: FloatArray
    """(R, K)"""
    quality: FloatArray
    """(K, metrics)"""
    quality_draws: FloatArray
    """(R, K, metrics)"""
    shares: FloatArray
    """(K, S) of the queries that leave at each exit."""
    shuffle_spread: FloatArray
    """(K,) standard deviation of the first metric over the orders of the queries; 0 where there is one."""


def score_points(
    context: SweepContext, labels: Sequence[Mapping[str, Any]], exits: IntArray, costs: FloatArray | None = None
) -> Points:
    """Score exits (O, K, N) that O orders of the queries lead to: every query gets its mean over the orders.

    ``costs`` (S,) are those of the exits to whom deciding costs something.
    """
    costs = context.costs if costs is None else costs
    orders, _, queries = exits.shape
    every_exit = np.arange(len(costs), dtype=np.int8)
    # (K, N, S): in how many of the orders each query leaves where.
    taken = np.zeros((*exits.shape[1:], len(costs)), dtype=np.int16)
    for part in exits.astype(np.int8):
        taken += part[..., None] == every_exit
    share = taken / orders
    quality = np.einsum("kns,nsm->nkm", share, context.quality)
    cost = (share @ costs).T
    drawn = context.bootstrap.means(np.concatenate([cost[..., None], quality], axis=2))
    spread = np.zeros(exits.shape[1])
    if orders > 1:
        first = np.ascontiguousarray(context.quality[..., 0])
        spread = first[np.arange(queries), exits].mean(axis=2).std(axis=0, ddof=1)
    return Points(
        labels, cost.mean(axis=0), drawn[..., 0], quality.mean(axis=0), drawn[..., 1:], share.mean(axis=1), spread
    )


def point_records(points: Points, context: SweepContext) -> list[dict[str, Any]]:
    """Lay points out as plain values: cost, metrics and what they gain at the same realised cost, with intervals.

    A point and what it is compared with are redrawn with the same people, so their difference is paired.
    """
    measured = {
        "realised_cost": (points.cost, *interval(points.cost_draws)),
        **_by_metric("", points.quality, points.quality_draws),
    }
    for reference in context.references:
        line = interpolated(reference.costs, reference.means[None], points.cost[None])[0]
        line_draws = interpolated(reference.costs, reference.draws, points.cost_draws)
        measured |= _by_metric(reference.suffix, points.quality - line, points.quality_draws - line_draws)
    records = []
    for index, labels in enumerate(points.labels):
        record = {**labels, "exit_fractions": points.shares[index].tolist()}
        record["shuffle_spread_mAP"] = float(points.shuffle_spread[index])
        for name, (value, low, high) in measured.items():
            record |= {name: float(value[index]), f"{name}_low": float(low[index]), f"{name}_high": float(high[index])}
        records.append(record)
    return records


def _by_metric(
    suffix: str, values: FloatArray, draws: FloatArray
) -> dict[str, tuple[FloatArray, FloatArray, FloatArray]]:
    """Values (K, metrics) with their intervals out of draws (R, K, metrics), by name."""
    low, high = interval(draws)
    return {f"{name}{suffix}": (values[:, m], low[:, m], high[:, m]) for m, name in enumerate(METRICS)}
