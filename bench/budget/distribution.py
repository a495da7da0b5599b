"""The budget parameter ``a``: how many queries may leave at each exit (DaRe, equation 3).

A fraction p_s ∝ a^(s−1) of the queries leaves at exit s: all at the first for a = 0, equally many everywhere for
a = 1, none before the last for a = ∞. The expected cost rises strictly with ``a``, so a budget has exactly one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bench.errors import BenchError
from bench.retrieval.table import FloatArray

ROUNDING = 1e-15
"""Fraction of the highest cost within which a budget counts as one of the ends: a few units in the last place."""
LOG_A_LIMIT = 700.0
"""Beyond e^±700 a float64 cannot hold ``a`` itself."""


@dataclass(frozen=True)
class ExitFractions:
    """How many queries leave at each of S exits under K budgets."""

    p: FloatArray
    """(K, S) fractions of all queries."""
    q: FloatArray
    """(K, S) fractions of the queries that reach the exit."""

    @classmethod
    def of(cls, a_values: Sequence[float], num_exits: int) -> ExitFractions:
        """Work them out for values of ``a``; raises BenchError where one is negative or NaN."""
        p = np.stack([exit_distribution(a, num_exits) for a in a_values])
        return cls(p, np.stack([conditional_exit(fractions) for fractions in p]))


def exit_distribution(a: float, num_exits: int) -> FloatArray:
    """Fractions p (S,) of the queries that leave at each exit for a ∈ [0, ∞]: p_s = a^(s−1) / Σ_r a^(r−1).

    Raises BenchError where ``a`` is negative or NaN, or there is no exit.
    """
    if np.isnan(a) or a < 0:
        raise BenchError(f"the budget parameter a is a number from 0 to inf, not {a}")
    if num_exits < 1:
        raise BenchError(f"a network has at least one exit, not {num_exits}")
    p = np.zeros(num_exits)
    if a == 0:
        p[0] = 1.0
    elif np.isinf(a):
        p[-1] = 1.0
    else:
        # In logarithms, with the largest term at 0: no power overflows.
        powers = np.arange(num_exits) * np.log(a)
        p = np.exp(powers - powers.max())
        p /= p.sum()
    return p


def conditional_exit(p: ArrayLike) -> FloatArray:
    """Fractions q (S,) of those that reach an exit and leave there: q_s = p_s / (1 − Σ_{r<s} p_r).

    The remaining mass is summed from the back, which keeps it exact where it is small; 1 where no query is left. Raises
    BenchError where p (S,) is no distribution.
    """
    fractions = np.asarray(p, dtype=np.float64)
    no_fractions = fractions.ndim != 1 or not len(fractions) or np.any(~(fractions >= 0))
    if no_fractions or abs(fractions.sum() - 1) > 1e-9:
        raise BenchError("exit fractions are numbers of at least 0 that add up to 1")
    remaining = np.cumsum(fractions[::-1])[::-1]
    return np.divide(fractions, remaining, out=np.ones_like(fractions), where=remaining > 0)


def solve_a(costs: ArrayLike, budget: float) -> float:
    """Find the ``a`` whose expected cost p · costs is ``budget``, for strictly rising costs (S,): 0 and ∞ at the ends.

    Solved by bracketing log a. (The cost's polynomial in ``a`` also has negative roots; to take the first real
    one that a root finder lists is an error on one cost ladder in five.) Raises BenchError where costs do not rise
    strictly, or the budget lies outside of them.
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
    # Here, not at the top: results that are found need no solver, and scipy's are slow to import.
    from scipy.optimize import brentq

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
