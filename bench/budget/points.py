"""Points of accuracy against cost: the scores of queries that leave at given exits, with draws of the bootstrap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.budget.bootstrap import IdentityBootstrap, interval
from bench.budget.query_scores import METRICS
from bench.budget.references import interpolated, random_fractions
from bench.retrieval.table import FloatArray, IntArray


@dataclass(frozen=True)
class ReferenceCurve:
    """What points are compared with at their own cost: means (nodes, metrics) at costs (nodes,), linear between.

    ``suffix`` names what is gained over it; ``draws`` are (R, nodes, metrics).
    """

    suffix: str
    costs: FloatArray
    means: FloatArray
    draws: FloatArray


@dataclass(frozen=True)
class SweepContext:
    """What every point of a sweep is scored on: scores (N, S, metrics) of the queries at exits that cost (S,)."""

    scores: FloatArray
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
        cls, scores: FloatArray, costs: FloatArray, bootstrap: IdentityBootstrap, policy_mac: float = 1.0
    ) -> SweepContext:
        """Draw the exits' means."""
        means, draws = scores.mean(axis=0), bootstrap.means(scores)
        nodes, fractions = random_fractions(costs)
        references = (
            ReferenceCurve("_gain", costs, means, draws),
            ReferenceCurve("_over_random", nodes, fractions @ means, fractions @ draws),
        )
        return cls(scores, costs, bootstrap, draws, references, policy_mac)


@dataclass(frozen=True)
class Points:
    """K points, the points of one curve or single ones, as means and under each of R draws."""

    labels: Sequence[Mapping[str, Any]]
    cost: FloatArray
    """(K,) realised cost."""
    cost_draws: FloatArray
    """(R, K)"""
    scores: FloatArray
    """(K, metrics)"""
    score_draws: FloatArray
    """(R, K, metrics)"""
    exit_fractions: FloatArray
    """(K, S) fractions of the queries that leave at each exit."""
    shuffle_spread: FloatArray
    """(K,) standard deviation of the first metric over the shuffles; 0 where there is one."""


def score_points(
    context: SweepContext, labels: Sequence[Mapping[str, Any]], exits: IntArray, costs: FloatArray | None = None
) -> Points:
    """Score exits (O, K, N) that O shuffles of the queries lead to: every query gets its mean over the shuffles.

    ``costs`` (S,) are those of the exits to whom deciding costs something.
    """
    costs = context.costs if costs is None else costs
    shuffles, _, queries = exits.shape
    every_exit = np.arange(len(costs), dtype=np.int8)
    # (K, N, S): in how many of the shuffles each query leaves where.
    taken = np.zeros((*exits.shape[1:], len(costs)), dtype=np.int16)
    for part in exits.astype(np.int8):
        taken += part[..., None] == every_exit
    fraction = taken / shuffles
    scores = np.einsum("kns,nsm->nkm", fraction, context.scores)
    cost = (fraction @ costs).T
    drawn = context.bootstrap.means(np.concatenate([cost[..., None], scores], axis=2))
    spread = np.zeros(exits.shape[1])
    if shuffles > 1:
        first = np.ascontiguousarray(context.scores[..., 0])
        spread = first[np.arange(queries), exits].mean(axis=2).std(axis=0, ddof=1)
    return Points(
        labels, cost.mean(axis=0), drawn[..., 0], scores.mean(axis=0), drawn[..., 1:], fraction.mean(axis=1), spread
    )


def point_records(points: Points, context: SweepContext) -> list[dict[str, Any]]:
    """Lay points out as plain values: cost, metrics and what they gain at the same realised cost, with intervals.

    A point and what it is compared with are redrawn with the same people, so their difference is paired.
    """
    measured = {
        "realised_cost": (points.cost, *interval(points.cost_draws)),
        **_by_metric("", points.scores, points.score_draws),
    }
    for reference in context.references:
        expected = interpolated(reference.costs, reference.means[None], points.cost[None])[0]
        expected_draws = interpolated(reference.costs, reference.draws, points.cost_draws)
        measured |= _by_metric(reference.suffix, points.scores - expected, points.score_draws - expected_draws)
    records = []
    for index, labels in enumerate(points.labels):
        record = {**labels, "exit_fractions": points.exit_fractions[index].tolist()}
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
