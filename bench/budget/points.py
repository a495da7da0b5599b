"""Points of accuracy against cost: the scores of queries that leave at given exits, with draws of the bootstrap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.budget.bootstrap import IdentityBootstrap, interval
from bench.budget.query_scores import METRICS
from bench.budget.references import interpolated, random_fractions
from bench.retrieval.blocks import row_slices
from bench.retrieval.table import FloatArray

QUERIES_AT_ONCE = 16_384
"""Queries whose scores at all points of a curve are in memory at once."""


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
    hull: Sequence[int] | None = None
    """Exits of the hull, by their scores on held-out identities; None where there are none."""
    policy_mac: float = 1.0
    """What one multiply-add of a policy costs, in the unit of the exits' costs."""
    search: FloatArray | None = None
    """(S,) what a search costs at each exit, in that unit; None where searches are not counted."""

    @classmethod
    def of(
        cls,
        scores: FloatArray,
        costs: FloatArray,
        bootstrap: IdentityBootstrap,
        policy_mac: float = 1.0,
        hull: Sequence[int] | None = None,
        search: FloatArray | None = None,
    ) -> SweepContext:
        """Draw the exits' means."""
        means, draws = scores.mean(axis=0), bootstrap.means(scores)
        nodes, fractions = random_fractions(costs)
        references = (
            ReferenceCurve("_gain", costs, means, draws),
            ReferenceCurve("_over_random", nodes, fractions @ means, fractions @ draws),
        )
        return cls(scores, costs, bootstrap, draws, references, hull, policy_mac, search)


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
    context: SweepContext,
    labels: Sequence[Mapping[str, Any]],
    exits: NDArray[np.integer],
    costs: FloatArray | None = None,
) -> Points:
    """Score exits (O, K, N) that O shuffles of the queries lead to: every query gets its mean over the shuffles.

    ``costs`` (S,) are those of the exits to whom deciding costs something.
    """
    costs = context.costs if costs is None else costs
    shuffles, points, queries = exits.shape
    every_exit = np.arange(len(costs), dtype=np.int8)
    people = context.bootstrap.counts.shape[1]
    metrics = context.scores.shape[2]
    total = np.zeros((points, 1 + metrics))
    by_person = np.zeros((people, points, 1 + metrics))
    left = np.zeros((points, len(costs)))
    for rows in row_slices(queries, QUERIES_AT_ONCE):
        # (K, n, S): in how many of the shuffles each query leaves where.
        taken = np.zeros((points, rows.stop - rows.start, len(costs)), dtype=np.int16)
        for part in exits[:, :, rows]:
            taken += part[..., None] == every_exit
        fraction = taken / shuffles
        scores = np.einsum("kns,nsm->nkm", fraction, context.scores[rows])
        values = np.concatenate([(fraction @ costs).T[..., None], scores], axis=2)
        total += values.sum(axis=0)
        by_person += context.bootstrap.sums(values, rows)
        left += fraction.sum(axis=1)
    means, drawn = total / queries, context.bootstrap.means_of(by_person)
    spread = np.zeros(points)
    if shuffles > 1:
        first = np.ascontiguousarray(context.scores[..., 0])
        spread = np.std([first[np.arange(queries), part].mean(axis=1) for part in exits], axis=0, ddof=1)
    return Points(labels, means[:, 0], drawn[..., 0], means[:, 1:], drawn[..., 1:], left / queries, spread)


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
