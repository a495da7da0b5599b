"""One number for a budget curve: its mean height, what it closes of the oracle's lead, and what enough accuracy costs.

A curve is K points of cost and quality. Functions take D of them at once, (D, K): the curve itself, or a bootstrap's
draws of it.
"""

from __future__ import annotations

import numpy as np

from bench.retrieval.table import FloatArray

MINIMUM_REACH = 0.75
"""Share of the way between the exits' costs that a curve must cover to have an area."""


def closed(
    costs: FloatArray, quality: FloatArray, ends: FloatArray, exits: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Order curves (D, K) by cost and close them: (D, K + 2) costs and qualities.

    A stream never quite spends all that it may, and a policy that computes something starts above the first exit. What
    is missing towards the costs of the first and last exit, ``ends`` (2,), these exits alone close, of qualities
    ``exits`` (D, 2).
    """
    order = np.argsort(costs, axis=1, kind="stable")
    costs, quality = np.take_along_axis(costs, order, axis=1), np.take_along_axis(quality, order, axis=1)
    # Where nothing is missing the closing point falls on the curve's own end, and changes nothing.
    starts, stops = costs[:, :1] > ends[0], costs[:, -1:] < ends[1]
    first_costs, last_costs = np.where(starts, ends[0], costs[:, :1]), np.where(stops, ends[1], costs[:, -1:])
    first = np.where(starts, exits[:, :1], quality[:, :1])
    last = np.where(stops, exits[:, 1:], quality[:, -1:])
    return np.hstack([first_costs, costs, last_costs]), np.hstack([first, quality, last])


def reaches(costs: FloatArray, ends: FloatArray) -> bool:
    """Whether points at costs (K,) cover enough of the way between ``ends`` (2,) for an area to mean something."""
    covered = min(costs.max(), ends[1]) - max(costs.min(), ends[0])
    return bool(len(costs) > 1 and covered >= MINIMUM_REACH * (ends[1] - ends[0]))


def mean_height(costs: FloatArray, quality: FloatArray, ends: FloatArray) -> FloatArray:
    """Mean height (D,) of interpolations through points (D, K) of rising cost, from ``ends[0]`` to ``ends[1]``.

    The area under the budget curve, normalised. Beyond its last point a curve stays level.
    """
    quality = np.hstack([quality, quality[:, -1:]])
    costs = np.hstack([costs, np.maximum(costs[:, -1:], ends[1])])
    widths = np.diff(costs, axis=1)
    slopes = np.divide(np.diff(quality, axis=1), widths, out=np.zeros_like(widths), where=widths > 0)
    low, high = np.clip(costs[:, :-1], *ends), np.clip(costs[:, 1:], *ends)
    middle = quality[:, :-1] + slopes * ((low + high) / 2 - costs[:, :-1])
    return ((high - low) * middle).sum(axis=1) / (ends[1] - ends[0])


def cost_to_reach(costs: FloatArray, quality: FloatArray, wanted: FloatArray) -> FloatArray:
    """Lowest cost (D,) at which the lines through points (D, K) of rising cost reach ``wanted`` (D,), or inf."""
    enough = quality >= wanted[:, None]
    place = enough.argmax(axis=1)
    rows = np.arange(len(costs))
    before = np.maximum(place - 1, 0)
    rise = quality[rows, place] - quality[rows, before]
    share = np.divide(wanted - quality[rows, before], rise, out=np.ones_like(rise), where=rise > 0)
    reached = costs[rows, before] + share * (costs[rows, place] - costs[rows, before])
    return np.where(enough.any(axis=1), np.where(place == 0, costs[:, 0], reached), np.inf)
