"""Whole curves: what each policy makes of all budgets together, and which policy makes more of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from bench.budget.bootstrap import interval
from bench.budget.curve_area import closed, cost_to_reach, hull_height, mean_height, reaches
from bench.budget.points import Points, SweepContext
from bench.budget.query_scores import CURVE_METRICS, METRICS
from bench.budget.references import oracle_moves
from bench.budget.significance import holm, p_values
from bench.budget.terms import INTERPOLATION, REACHED
from bench.retrieval.blocks import row_slices
from bench.retrieval.table import FloatArray

MOVES_AT_ONCE = 500_000
"""An oracle's moves, under so many draws as that makes, that are paid out at a time: bounds memory."""


@dataclass(frozen=True)
class _Sum:
    """One metric of one curve: values with their draws, each (1 + R,), the curve itself first."""

    area: FloatArray
    interpolation: FloatArray
    oracle: FloatArray
    hull: FloatArray | None
    cost_for: dict[int, FloatArray]

    @property
    def gap_closed(self) -> FloatArray:
        """Share of the oracle's lead over interpolation that the policy wins; NaN where there is no lead."""
        return self._share_of_lead(self.interpolation)

    def over_hull(self) -> dict[str, FloatArray]:
        """What the policy is ahead of the hull, and its share of the oracle's lead over it, by name in records."""
        if self.hull is None:
            return {}
        return {"area_over_hull": self.area - self.hull, "hull_gap_closed": self._share_of_lead(self.hull)}

    def _share_of_lead(self, reference: FloatArray) -> FloatArray:
        lead = self.oracle - reference
        return np.divide(self.area - reference, lead, out=np.full_like(lead, np.nan), where=lead > 0)


@dataclass(frozen=True)
class Summary:
    """One policy's curve in one thresholding, metric by metric; no metric where it covers too little of the way."""

    policy: str
    thresholding: str
    sums: dict[str, _Sum]

    def record(self) -> dict[str, Any]:
        """Lay it out as plain values."""
        record: dict[str, Any] = {
            "kind": "curve",
            "policy": self.policy,
            "thresholding": self.thresholding,
            "a": None,
            "exit": None,
        }
        for metric, one in self.sums.items():
            record[f"{metric}_area_interpolation"] = float(one.interpolation[0])
            record[f"{metric}_area_oracle"] = float(one.oracle[0])
            if one.hull is not None:
                record[f"{metric}_area_hull"] = float(one.hull[0])
            parts = {
                "area": one.area,
                "area_over_interpolation": one.area - one.interpolation,
                "gap_closed": one.gap_closed,
                **one.over_hull(),
            }
            parts |= {f"cost_for_{percent}": values for percent, values in one.cost_for.items()}
            for name, values in parts.items():
                low, high = _outside_where_missing(values[1:])
                # Where an end is not known there is no interval, and no number is told without one.
                if np.isfinite((values[0], low, high)).all():
                    record |= {f"{metric}_{name}": float(values[0])}
                    record |= {f"{metric}_{name}_low": float(low), f"{metric}_{name}_high": float(high)}
        return record


def summarise(curves: Sequence[Points], context: SweepContext) -> list[Summary]:
    """Sum up curves.

    The area is the mean height from the first exit's cost to the last's; where a curve falls short of an end, that exit
    alone closes it. ``cost_for_95`` is the lowest mean cost at which the curve reaches 95 % of the last exit's metric.
    """
    ends = context.costs[[0, -1]]
    bounds = {metric: _references(context, metric) for metric in CURVE_METRICS}
    summaries = []
    for points in curves:
        sums = {}
        for metric in CURVE_METRICS if reaches(points.cost, ends) else ():
            column = METRICS.index(metric)
            exits = _with_draws(context.scores.mean(axis=0)[:, column], context.exit_draws[..., column])
            costs, scores = closed(
                _with_draws(points.cost, points.cost_draws),
                _with_draws(points.scores[:, column], points.score_draws[..., column]),
                ends,
                exits[:, [0, -1]],
            )
            interpolation, oracle, hull = bounds[metric]
            prices = {percent: cost_to_reach(costs, scores, percent / 100 * exits[:, -1]) for percent in REACHED}
            sums[metric] = _Sum(mean_height(costs, scores, ends), interpolation, oracle, hull, prices)
        summaries.append(Summary(str(points.labels[0]["policy"]), str(points.labels[0]["thresholding"]), sums))
    return summaries


def comparison_records(summaries: Sequence[Summary], context: SweepContext) -> list[dict[str, Any]]:
    """Compare every two policies of a thresholding, and each with interpolation: paired, tested differences in area.

    Holm's correction counts all differences of one thresholding, those of both metrics.
    """
    records = []
    people = context.bootstrap.counts.shape[1]
    for thresholding in dict.fromkeys(summary.thresholding for summary in summaries):
        rivals = [summary for summary in summaries if summary.thresholding == thresholding and summary.sums]
        pairs: list[tuple[Summary, Summary | None]] = [*combinations(rivals, 2), *((one, None) for one in rivals)]
        found: list[dict[str, Any]] = [
            {
                "kind": "comparison",
                "policy": one.policy,
                "other": other.policy if other else INTERPOLATION,
                "thresholding": thresholding,
            }
            for one, other in pairs
        ]
        for metric in CURVE_METRICS if pairs else ():
            leads = np.stack(
                [
                    one.sums[metric].area - (other.sums[metric].area if other else one.sums[metric].interpolation)
                    for one, other in pairs
                ],
                axis=1,
            )
            tested = p_values(leads[0], leads[1:], people=people)
            low, high = interval(leads[1:])
            for index, record in enumerate(found):
                name = f"{metric}_area_lead"
                record |= {name: float(leads[0, index]), f"{name}_low": float(low[index])}
                record |= {f"{name}_high": float(high[index]), f"{name}_p": float(tested[index])}
        every = [(record, f"{metric}_area_lead_p") for record in found for metric in CURVE_METRICS]
        corrected = holm(np.array([record[name] for record, name in every]))
        for (record, name), p in zip(every, corrected, strict=True):
            record[f"{name}_holm"] = float(p)
        records += found
    return records


def _outside_where_missing(draws: FloatArray) -> tuple[float, float]:
    """Interval of draws (R,) of which some have no value: they count as beyond either end, and inf as above.

    Few of them widen the interval, and more than its tails hold leave an end without a number.
    """
    missing = np.isnan(draws)
    with np.errstate(invalid="ignore"):
        low, _ = interval(np.where(missing, -np.inf, draws))
        _, high = interval(np.where(missing, np.inf, draws))
    return float(low), float(high)


def _with_draws(values: FloatArray, draws: FloatArray) -> FloatArray:
    """Put values (K,) in front of their draws (R, K): (1 + R, K)."""
    return np.concatenate([values[None], draws])


def _references(context: SweepContext, metric: str) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Areas (1 + R,) under interpolation, under the oracle's curve, and under the hull where it is known."""
    column = METRICS.index(metric)
    scores, costs = context.scores[..., column], context.costs
    exits = _with_draws(scores.mean(axis=0), context.exit_draws[..., column])
    interpolation = mean_height(np.broadcast_to(costs, exits.shape), exits, costs[[0, -1]])
    hull = hull_height(costs, exits, context.hull) if context.hull else None
    moves = oracle_moves(scores, costs)
    curve_itself = np.full((1, len(scores)), 1 / len(scores))
    oracle = np.empty(len(exits))
    for part in row_slices(len(exits), max(1, MOVES_AT_ONCE // max(1, len(moves.whose)))):
        weights = context.bootstrap.weights(slice(max(part.start - 1, 0), part.stop - 1))
        weights = weights if part.start else np.concatenate([curve_itself, weights])
        paid = np.cumsum(weights[:, moves.whose] * moves.prices, axis=1)
        gained = np.cumsum(weights[:, moves.whose] * moves.gains, axis=1)
        start = np.zeros((len(paid), 1))
        oracle[part] = mean_height(
            costs[0] + np.hstack([start, paid]), exits[part, :1] + np.hstack([start, gained]), costs[[0, -1]]
        )
    return interpolation, oracle, hull
