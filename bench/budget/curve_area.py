"""One number for a budget curve: its mean height, what it closes of the oracle's lead, and what enough accuracy costs.

A curve is K points of cost and scores. Functions take D of them at once, (D, K): the curve itself, or a bootstrap's
draws of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.retrieval.table import FloatArray

MINIMUM_REACH = 0.75
"""Share of the way between the exits' costs that a curve must cover to have an area."""


def closed(costs: FloatArray, scores: FloatArray, ends: FloatArray, exits: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Order curves (D, K) by cost and close them: (D, K + 2) costs and scores.

    A stream never quite spends all that it may, and a policy that computes something starts above the first exit. What
    is missing towards the costs of the first and last exit, ``ends`` (2,), these exits alone close, of scores
    ``exits`` (D, 2).
    """
    order = np.argsort(costs, axis=1, kind="stable")
    costs, scores = np.take_along_axis(costs, order, axis=1), np.take_along_axis(scores, order, axis=1)
    # Where nothing is missing the closing point falls on the curve's own end, and changes nothing.
    starts, stops = costs[:, :1] > ends[0], costs[:, -1:] < ends[1]
    first_costs, last_costs = np.where(starts, ends[0], costs[:, :1]), np.where(stops, ends[1], costs[:, -1:])
    first = np.where(starts, exits[:, :1], scores[:, :1])
    last = np.where(stops, exits[:, 1:], scores[:, -1:])
    return np.hstack([first_costs, costs, last_costs]), np.hstack([first, scores, last])


def reaches(costs: FloatArray, ends: FloatArray) -> bool:
    """Whether points at costs (K,) cover enough of the way between ``ends`` (2,) for an area to mean something."""
    covered = min(costs.max(), ends[1]) - max(costs.min(), ends[0])
    return bool(len(costs) > 1 and covered >= MINIMUM_REACH * (ends[1] - ends[0]))


def common_budgets(costs: Sequence[FloatArray]) -> tuple[float, float] | None:
    """Costs that the exits of all networks span, from and to, out of each one's (S,); None where there are none."""
    if min(map(len, costs)) < 2:
        return None
    low, high = max(one[0] for one in costs), min(one[-1] for one in costs)
    return (float(low), float(high)) if low < high else None


def mean_height(costs: FloatArray, scores: FloatArray, ends: FloatArray) -> FloatArray:
    """Mean height (D,) of interpolations through points (D, K) of rising cost, from ``ends[0]`` to ``ends[1]``.

    The area under the budget curve, normalised. Beyond its last point a curve stays level.
    """
    scores = np.hstack([scores, scores[:, -1:]])
    costs = np.hstack([costs, np.maximum(costs[:, -1:], ends[1])])
    widths = np.diff(costs, axis=1)
    slopes = np.divide(np.diff(scores, axis=1), widths, out=np.zeros_like(widths), where=widths > 0)
    low, high = np.clip(costs[:, :-1], *ends), np.clip(costs[:, 1:], *ends)
    middle = scores[:, :-1] + slopes * ((low + high) / 2 - costs[:, :-1])
    return ((high - low) * middle).sum(axis=1) / (ends[1] - ends[0])


def hull_height(costs: FloatArray, scores: FloatArray, hull: Sequence[int]) -> FloatArray:
    """Mean height (D,) that chance between the exits of the hull reaches, of exits' scores (D, S) at costs (S,)."""
    corners = np.asarray(hull)
    return mean_height(np.broadcast_to(costs[corners], (len(scores), len(corners))), scores[:, corners], costs[[0, -1]])


def mean_between(
    costs: FloatArray, scores: FloatArray, ends: FloatArray, exits: FloatArray, budgets: FloatArray
) -> FloatArray:
    """Mean height (D,) of curves (D, K), closed by their exits as :func:`closed` does, between two budgets (2,)."""
    return mean_height(*closed(costs, scores, ends, exits), budgets)


def cost_to_reach(costs: FloatArray, scores: FloatArray, wanted: FloatArray) -> FloatArray:
    """Lowest cost (D,) at which the lines through points (D, K) of rising cost reach ``wanted`` (D,), or inf."""
    enough = scores >= wanted[:, None]
    first = enough.argmax(axis=1)
    rows = np.arange(len(costs))
    before = np.maximum(first - 1, 0)
    rise = scores[rows, first] - scores[rows, before]
    share = np.divide(wanted - scores[rows, before], rise, out=np.ones_like(rise), where=rise > 0)
    reached = costs[rows, before] + share * (costs[rows, first] - costs[rows, before])
    return np.where(enough.any(axis=1), np.where(first == 0, costs[:, 0], reached), np.inf)
