"""What a policy is measured against: random choice below, the oracle above.

Interpolation sends each query to one of two neighbouring exits at random; a policy under it is worth nothing. The hull
does so between those exits alone that are worth their cost: where an exit is bad, a coin passes it by, and a policy
that leaves there has to make up for it. Random exits take each exit as often as the policy does, for queries at random.
The oracle knows the labels: it is no policy, and says how much an ideal one could gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from bench.budget.distribution import exit_distribution, solve_a
from bench.retrieval.table import FloatArray, IntArray, Outcomes


def interpolated(costs: FloatArray, exit_means: FloatArray, at: FloatArray) -> FloatArray:
    """Draw between neighbouring exits: means (R, S, metrics) at costs (S,), read at costs (R, K) → (R, K, metrics).

    With one exit there is one point.
    """
    if len(costs) == 1:
        return np.broadcast_to(exit_means, (*at.shape, exit_means.shape[2]))
    right = np.clip(np.searchsorted(costs, at, side="right"), 1, len(costs) - 1)
    share = np.clip((at - costs[right - 1]) / (costs[right] - costs[right - 1]), 0.0, 1.0)[..., None]
    rows = np.arange(len(exit_means))[:, None]
    before = exit_means[rows, right - 1]
    return before + share * (exit_means[rows, right] - before)


def random_fractions(costs: FloatArray, steps: int = 201) -> tuple[FloatArray, FloatArray]:
    """Costs (K,) in equal steps, and the exit fractions (K, S) of the budget parameter that spends each.

    What random exits score at a cost is the exits' means weighted by these: the expectation over all random choices.
    """
    return _random_fractions(tuple(costs.tolist()), steps)


# Every sweep on one ladder of costs asks for the same, and two hundred solutions take a tenth of a second.
@lru_cache(maxsize=64)
def _random_fractions(costs: tuple[float, ...], steps: int) -> tuple[FloatArray, FloatArray]:
    if len(costs) == 1:
        grid, fractions = np.array(costs), np.ones((1, 1))
    else:
        grid = np.linspace(costs[0], costs[-1], steps)
        fractions = np.stack([exit_distribution(solve_a(costs, cost), len(costs)) for cost in grid])
    for array in (grid, fractions):
        array.flags.writeable = False
    return grid, fractions


def hull_exits(costs: FloatArray, scores: Sequence[float]) -> list[int]:
    """Exits on the upper concave hull of scores (S,) at costs (S,), from the first exit to the best, by index.

    Between two of them in a row chance reaches more than any other exit at the same cost. Beyond the best exit there is
    nothing to pay for.
    """
    hull = [0]
    for exit_index in range(1, len(costs)):
        if scores[exit_index] <= scores[hull[-1]]:
            continue
        # A corner that the new exit overtakes is no corner of the hull.
        while len(hull) > 1 and _slope(scores, costs, hull[-1], exit_index) >= _slope(scores, costs, *hull[-2:]):
            hull.pop()
        hull.append(exit_index)
    return hull


def free_oracle_exits(outcomes: Outcomes) -> IntArray:
    """Exits (N,): the earliest whose first match is right, the first exit where none is."""
    right = outcomes.hits[:, :, 0] > 0.5
    return right.argmax(axis=1).astype(np.int64)


@dataclass(frozen=True)
class OracleMoves:
    """Every step of a query to a dearer exit that an oracle may pay for, best first: arrays (M,).

    ``whose`` names the query, ``gains`` what its score rises by, ``prices`` what its cost does. Taken in this order
    they give the best mean score for every mean cost, for these queries however they are weighted.
    """

    whose: IntArray
    gains: FloatArray
    prices: FloatArray


def oracle_moves(scores: FloatArray, costs: FloatArray) -> OracleMoves:
    """Lay out what an oracle pays for first, knowing each query's scores (N, S) at costs (S,).

    Exact, because both are means over queries: each query's exits are thinned to their upper concave hull, and all
    moves along all hulls are taken in the order of what they gain a unit of cost.
    """
    whose, gains, prices = [], [], []
    for index, query in enumerate(scores.tolist()):
        hull = hull_exits(costs, query)
        whose += [index] * (len(hull) - 1)
        gains += [query[after] - query[before] for before, after in pairwise(hull)]
        prices += [costs[after] - costs[before] for before, after in pairwise(hull)]
    gain, price = np.array(gains), np.array(prices)
    order = np.argsort(-gain / price, kind="stable")
    return OracleMoves(np.array(whose, dtype=np.int64)[order], gain[order], price[order])


def oracle_curve(scores: FloatArray, costs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Best mean score for every mean cost, knowing each query's scores (N, S) at costs (S,).

    Returns the corners (K,) costs and (K,) mean scores of the curve, from everybody at the first exit on.
    """
    moves = oracle_moves(scores, costs)
    total = len(scores)
    curve_costs = costs[0] + np.concatenate([[0.0], np.cumsum(moves.prices)]) / total
    curve_scores = scores[:, 0].mean() + np.concatenate([[0.0], np.cumsum(moves.gains)]) / total
    return curve_costs, curve_scores


def _slope(query: Sequence[float], costs: FloatArray, before: int, after: int) -> float:
    return float((query[after] - query[before]) / (costs[after] - costs[before]))
