"""The budget parameter ``a``: how many queries may leave at each exit (DaRe, equation 3).

A share p_s ∝ a^(s−1) of the queries leaves at exit s: all at the first for a = 0, equally many everywhere for
a = 1, none before the last for a = ∞. The expected cost rises strictly with ``a``, so a budget has exactly one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from bench.errors import BenchError
from bench.retrieval.table import FloatArray

ROUNDING = 1e-15
"""Share of the highest cost within which a budget counts as one of the ends: a few units in the last place."""
LOG_A_LIMIT = 700.0
"""Beyond e^±700 a float64 cannot hold ``a`` itself."""


def exit_distribution(a: float, num_exits: int) -> FloatArray:
    """Share p (S,) of the queries that leaves at each exit for a ∈ [0, ∞]: p_s = a^(s−1) / Σ_r a^(r−1)."""
    if np.isnan(a) or a < 0:
        raise BenchError(f"the budget parameter a is a number from 0 to inf, not {a}")
    if num_exits < 1:
        raise BenchError(f"a network has at least one exit, not {num_exits}")
    shares = np.zeros(num_exits)
    if a == 0:
        shares[0] = 1.0
    elif np.isinf(a):
        shares[-1] = 1.0
    else:
        # In logarithms, with the largest term at 0: no power overflows.
        powers = np.arange(num_exits) * np.log(a)
        shares = np.exp(powers - powers.max())
        shares /= shares.sum()
    return shares


def conditional_exit(p: ArrayLike) -> FloatArray:
    """Share q (S,) of those that reach an exit and leave there: q_s = p_s / (1 − Σ_{r<s} p_r).

    The remaining mass is summed from the back, which keeps it exact where it is small; 1 where nobody is left.
    """
    shares = np.asarray(p, dtype=np.float64)
    if shares.ndim != 1 or not len(shares) or np.any(~(shares >= 0)) or abs(shares.sum() - 1) > 1e-9:
        raise BenchError("exit shares are numbers of at least 0 that add up to 1")
    remaining = np.cumsum(shares[::-1])[::-1]
    return np.divide(shares, remaining, out=np.ones_like(shares), where=remaining > 0)


def expected_cost(a: float, costs: ArrayLike) -> float:
    """Mean cost of a query under ``a``, in the unit of ``costs`` (S,)."""
    ladder = _ladder(costs)
    return float(exit_distribution(a, len(ladder)) @ ladder)


def solve_a(costs: ArrayLike, budget: float) -> float:
    """Find the ``a`` whose expected cost is ``budget``, for strictly rising costs (S,): 0 and ∞ at the very ends.

    Solved by bracketing log a. (The cost's polynomial in ``a`` also has negative roots; to take the first real
    one that a root finder lists is an error on one cost ladder in five.)
    """
    ladder = _ladder(costs)
    # A budget that was computed as an end may miss it by its last digits.
    for end in (ladder[0], ladder[-1]):
        budget = end if abs(budget - end) <= ROUNDING * ladder[-1] else budget
    if not ladder[0] <= budget <= ladder[-1]:
        raise BenchError(
            f"a budget of {budget:.6g} is out of reach: the exits cost {ladder[0]:.6g} to {ladder[-1]:.6g}"
        )
    if budget == ladder[0]:
        return 0.0
    if budget == ladder[-1]:
        return float("inf")
    ranks = np.arange(len(ladder))

    def excess(log_a: float) -> float:
        # The same sign as cost − budget, without the cancellation that dividing by Σ a^s would bring near the ends.
        powers = ranks * log_a
        return float(np.exp(powers - powers.max()) @ (ladder - budget))

    return float(np.exp(brentq(excess, -LOG_A_LIMIT, LOG_A_LIMIT, xtol=1e-14, rtol=1e-14, maxiter=500)))


def _ladder(costs: ArrayLike) -> FloatArray:
    ladder = np.asarray(costs, dtype=np.float64)
    if ladder.ndim != 1 or len(ladder) < 2 or not np.all(np.isfinite(ladder)) or np.any(np.diff(ladder) <= 0):
        raise BenchError(f"a budget needs at least two exits whose costs rise strictly, not {ladder.tolist()}")
    return ladder
