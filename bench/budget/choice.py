"""Choosing an operating point on held-out people: the best within a budget, or the cheapest that loses little.

An operating point is a policy at one budget, or everybody at one exit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.retrieval.table import FloatArray, IntArray


def best_within(costs: FloatArray, scores: FloatArray, budget: float) -> int | None:
    """Index of the highest of scores (C,) among points that cost (C,) at most the budget; None where all cost more.

    Of equal scores, that of the cheapest.
    """
    affordable = np.flatnonzero(costs <= budget)
    if not len(affordable):
        return None
    return int(affordable[np.lexsort((costs[affordable], -scores[affordable]))[0]])


def upper_bounds(losses: FloatArray, pids: IntArray, confidence: float) -> FloatArray:
    """Bounds (C,) that the mean loss of C points stays below with a confidence, from the losses (C, M) of M queries.

    Queries of one person are not independent, so people are the sample: the mean over queries is a ratio of two sums
    over people, its standard error is that of the linearised ratio, and the bound is Student's, with one degree of
    freedom fewer than there are people. Where each person has equally many queries, this is the bound of a one-sided
    t-test on the people's means. inf where there is one person.
    """
    from scipy.special import stdtrit

    people, rows = np.unique(pids, return_inverse=True)
    means = losses.mean(axis=1)
    if len(people) < 2:
        return np.full(len(losses), np.inf)
    queries = np.bincount(rows)
    # (C, P) what each person adds to the sum of losses, beyond what the mean has them add.
    left = np.stack([np.bincount(rows, weights=loss) for loss in losses]) - means[:, None] * queries
    variances = len(people) / (len(people) - 1) * (left**2).sum(axis=1) / len(pids) ** 2
    return np.asarray(means + stdtrit(len(people) - 1, confidence) * np.sqrt(variances))


def accepted(bounds: FloatArray, allowed: float) -> list[int]:
    """Indices of the points of one curve whose bounds (K,) stay within the allowed loss, up to the first that does not.

    Points come from the cheapest to the dearest, and are tested from the dearest on. In an order that was fixed
    beforehand each point can be tested at the full level, and the chance that any of them is accepted wrongly is that
    of one test (fixed-sequence testing, as in Learn then Test: Angelopoulos et al., arXiv 2110.01052). The loss need
    not fall as the cost rises.
    """
    found: list[int] = []
    for index in reversed(range(len(bounds))):
        if not bounds[index] <= allowed:
            break
        found.append(index)
    return found


def level_of_each(confidence: float, curves: Sequence[object]) -> float:
    """Confidence at which each of several curves is tested so that all together keep the one asked for (Bonferroni)."""
    return 1 - (1 - confidence) / len(curves)
