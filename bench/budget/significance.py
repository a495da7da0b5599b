"""Is one policy better than another, or is it noise? Paired differences, tested, with Holm's correction."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from bench.retrieval.table import FloatArray


def p_values(differences: FloatArray, draws: FloatArray) -> FloatArray:
    """Two-sided p-values (C,) of differences (C,) from their bootstrap draws (R, C).

    A normal test with the bootstrap's standard error: counting draws beyond zero could not give less than 1/R, which
    no correction for many comparisons leaves standing. A difference that no draw moves is certain, or it is 0.
    """
    errors = draws.std(axis=0, ddof=1)
    scores = np.divide(np.abs(differences), errors, out=np.full_like(errors, np.inf), where=errors > 0)
    return np.where(differences == 0, 1.0, 2 * ndtr(-scores))


def holm(p: FloatArray) -> FloatArray:
    """Correct p-values (C,) for their number: even one false discovery is as unlikely as the level says (Holm, 1979).

    The smallest is multiplied by C, the next by C − 1, and so on; none may fall under one before it.
    """
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected
