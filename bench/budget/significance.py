"""Is one policy better than another, or is it noise? Paired differences, tested, with Holm's correction."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import stdtr

from bench.retrieval.table import FloatArray

ROUNDING = 1e-12
"""What scores of 0 to 1 may differ by where sums were rounded: smaller errors and differences are none."""


def p_values(differences: FloatArray, draws: FloatArray, *, people: int) -> FloatArray:
    """Two-sided p-values (C,) of differences (C,) from their bootstrap draws (R, C) over so many people.

    Student's t with a degree of freedom less than people, and :func:`widened` standard errors: counting draws beyond
    zero could not give less than 1/R, which no correction for many comparisons leaves standing. A difference that no
    draw moves is 0, or as significant as :func:`least_p` says.
    """
    errors = draws.std(axis=0, ddof=1) * widened(people)
    known = errors > ROUNDING
    scores = np.divide(np.abs(differences), errors, out=np.zeros_like(errors), where=known)
    p = np.where(known, 2 * stdtr(max(people - 1, 1), -scores), least_p(people))
    return np.where(np.abs(differences) <= ROUNDING, 1.0, p)


def widened(people: int) -> float:
    """Factor from a bootstrap's standard error of a mean over people to the unbiased one: √(P / (P − 1))."""
    return math.sqrt(people / max(people - 1, 1))


def least_p(people: int) -> float:
    """Least p-value that so many people can show: the chance that all of them differ to one side, either of the two."""
    return 2.0 ** (1 - people)


def holm(p: FloatArray) -> FloatArray:
    """Correct p-values (C,) for their number: even one false discovery is as unlikely as the level says (Holm, 1979).

    The smallest is multiplied by C, the next by C − 1, and so on; none may fall under one before it.
    """
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected
