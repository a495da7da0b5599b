"""What to deploy: chosen on people held out of training, and scored on the test queries afterwards.

Test scores play no part in a choice. They say what it came to, and whether they would have chosen otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.budget.bootstrap import IdentityBootstrap, interval
from bench.budget.choice import accepted, best_within, level_of_each, upper_bounds
from bench.budget.query_scores import METRICS
from bench.errors import BenchError
from bench.retrieval.table import FloatArray
from bench.runs.candidates import Candidate, ChoiceRequest, Curve
from bench.spec import plain_number

WHOLE = 1000
"""Costs from here on are told without decimals."""


@dataclass(frozen=True)
class Point:
    """One operating point: its curve, its index there, and the bound on its loss where one was asked for."""

    curve: Curve
    index: int
    bound: float | None = None

    @property
    def cost(self) -> float:
        """Mean cost of a held-out query."""
        return float(self.curve.costs[self.index])

    @property
    def scores(self) -> FloatArray:
        """(M,) of the held-out queries."""
        return np.asarray(self.curve.scores[self.index])


def choose(candidates: Sequence[Candidate], request: ChoiceRequest) -> dict[str, Any]:
    """Choose an operating point of the candidates, and one of each for comparison: plain values.

    ``rows`` are the best point of each candidate, the choice first; ``without`` names candidates that have none. Within
    a budget the best is the most accurate, and rows follow by accuracy; for a loss it is the cheapest whose loss stays
    within what is allowed, with the confidence asked for, and rows follow by cost. ``reference`` is what a loss is
    against. Costs and the metric are told of the held-out queries and of the test queries, the metric with a 95 %
    interval over their people; ``behind`` is how far a row is behind the choice, or for a loss behind the reference.

    Raises BenchError where nothing can be chosen, or candidates cannot be set beside each other.
    """
    for other in candidates[1:]:
        candidates[0].check_beside(other)
    if request.loss is not None and _counted(candidates[0].held_out.outcomes.query_pids)["people"] < 2:
        raise BenchError(
            "the held-out queries show one person, and a loss is bounded by how people differ: hold out more of them "
            "(--calibration; calibration_query of a file of embeddings)"
        )
    by_candidate = [Curve.all_of(candidate, request) for candidate in candidates]
    curves = [curve for own in by_candidate for curve in own]
    reference = None
    if request.loss is None:
        found = [_within_budget(own, request) for own in by_candidate]
        points = sorted(filter(None, found), key=lambda point: (-point.scores.mean(), point.cost))
    else:
        last = [Point(own[0], len(own[0].at) - 1) for own in by_candidate]
        reference = max(last, key=lambda point: float(point.scores.mean()))
        level = level_of_each(request.confidence, curves)
        found = [_for_loss(own, reference, level, request.loss) for own in by_candidate]
        points = sorted(filter(None, found), key=lambda point: (point.cost, -point.scores.mean()))
    if not points:
        raise BenchError(_nothing(curves, request))
    against = reference or points[0]
    rows = _rows(points, against, request)
    held_out, table = candidates[0].held_out, candidates[0].table
    return {
        "asked": {
            "budget": request.budget,
            "loss": request.loss,
            "metric": request.metric,
            "confidence": request.confidence if request.loss is not None else None,
        },
        "cost": dict(candidates[0].cost),
        "held_out": _counted(held_out.outcomes.query_pids),
        "test": _counted(table.outcomes.query_pids),
        "curves": len(curves),
        "points": sum(len(curve.at) for curve in curves),
        "reference": _rows([reference], reference, request)[0] if reference else None,
        "rows": rows,
        "left_out": {one.name: dict(one.left_out) for one in candidates if one.left_out},
        "without": [candidate.name for candidate, point in zip(candidates, found, strict=True) if point is None],
    }


def _within_budget(curves: Sequence[Curve], request: ChoiceRequest) -> Point | None:
    assert request.budget is not None
    points = [Point(curve, index) for curve in curves for index in range(len(curve.at))]
    costs, means = (np.concatenate([getattr(curve, of) for curve in curves]) for of in ("costs", "means"))
    best = best_within(costs, means, request.budget)
    return None if best is None else points[best]


def _for_loss(curves: Sequence[Curve], reference: Point, level: float, allowed: float) -> Point | None:
    points: list[Point] = []
    for curve in curves:
        pids = curve.candidate.held_out.outcomes.query_pids
        bounds = upper_bounds(reference.scores - curve.scores, pids, level)
        points += [Point(curve, index, float(bounds[index])) for index in accepted(bounds, allowed)]
    return min(points, key=lambda point: point.cost, default=None)


def _rows(points: Sequence[Point], against: Point, request: ChoiceRequest) -> list[dict[str, Any]]:
    metric = METRICS.index(request.metric)
    compared = against.curve.tested(against.index, request)
    rows = []
    for point in points:
        curve, tested = point.curve, point.curve.tested(point.index, request)
        thresholds = curve.thresholds(point.index, request)
        row = curve.described(point.index)
        rows.append(
            row
            | {
                "a": None if row["a"] is None else plain_number(row["a"]),
                "thresholds": None if thresholds is None else [_plain(one) for one in thresholds],
                "held_out": _held_out(point, against, request),
                "test": _told(
                    tested.cost[0],
                    (tested.scores[0, metric], tested.score_draws[:, 0, metric]),
                    (compared.scores[0, metric], compared.score_draws[:, 0, metric]),
                )
                | {"exit_fractions": tested.exit_fractions[0].tolist()},
            }
        )
    return rows


def _held_out(point: Point, against: Point, request: ChoiceRequest) -> dict[str, Any]:
    pids = point.curve.candidate.held_out.outcomes.query_pids
    bootstrap = IdentityBootstrap.draw(pids, request.resamples, request.seed)
    own, other = ((one.scores.mean(), bootstrap.means(one.scores)) for one in (point, against))
    bound = {} if point.bound is None else {"behind_bound": point.bound}
    return _told(point.cost, own, other) | bound


def _told(cost: float, own: tuple[Any, FloatArray], against: tuple[Any, FloatArray]) -> dict[str, Any]:
    """Lay out a cost, a score with its draws, and how far it is behind another's."""
    told = {"cost": float(cost)}
    for name, value, draws in (
        ("score", own[0], own[1]),
        ("behind", against[0] - own[0], against[1] - own[1]),
    ):
        low, high = interval(draws)
        told |= {name: float(value), f"{name}_low": float(low), f"{name}_high": float(high)}
    return told


def _counted(pids: Any) -> dict[str, int]:
    return {"queries": len(pids), "people": len(np.unique(pids))}


def _plain(threshold: float) -> float | str:
    return threshold if np.isfinite(threshold) else f"{threshold:g}"


def _nothing(curves: Sequence[Curve], request: ChoiceRequest) -> str:
    """Say that all costs more than the budget; what a loss is against is within every loss."""
    assert request.budget is not None
    least = min((Point(curve, 0) for curve in curves), key=lambda point: point.cost)
    said = least.curve.described(0)
    unit = least.curve.candidate.cost["unit"]
    return (
        f"nothing is within a budget of {_amount(request.budget)} {unit}: the cheapest is "
        f"{said['exit'] or said['policy']} of {said['run']}, at {_amount(least.cost)}"
    )


def _amount(cost: float) -> str:
    return f"{cost:,.0f}" if cost >= WHOLE else f"{cost:.4g}"
