"""The most confident of the test set itself leave: a reference, since no running system knows its future queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.budget.thresholding.contract import Thresholding
from bench.budget.thresholds import checked

if TYPE_CHECKING:
    from bench.budget.distribution import ExitFractions
    from bench.retrieval.table import FloatArray, IntArray


def exact_exits(confidence: FloatArray, p: FloatArray, generator: np.random.Generator) -> IntArray:
    """Exits (N,) such that fractions p (S,) of this very set leave, the most confident first; equal ones at random.

    Several budgets at once: fractions (K, S) give exits (K, N), equal confidences in one random order. The number gone
    after each exit is the cumulative fraction of N, rounded: exact to half a query. Raises BenchError where
    confidences (N, S) have another shape or one is NaN.
    """
    fractions = np.atleast_2d(p)
    values = checked(confidence, fractions.shape[1])
    exits = np.full((len(fractions), len(values)), fractions.shape[1] - 1, dtype=np.int64)
    drawn = generator.permutation(len(values))
    orders = [drawn[np.argsort(-values[drawn, index], kind="stable")] for index in range(fractions.shape[1] - 1)]
    gone = np.rint(np.cumsum(fractions, axis=1) * len(values)).astype(int)
    for chosen, gone_after in zip(exits, gone, strict=True):
        staying = np.ones(len(values), dtype=bool)
        left = 0
        for index, order in enumerate(orders):
            leaving = order[staying[order]][: gone_after[index] - left]
            chosen[leaving] = index
            staying[leaving] = False
            left += len(leaving)
    return exits if np.ndim(p) == 2 else exits[0]


def _exits(
    confidence: FloatArray, fractions: ExitFractions, calibration: FloatArray | None, generator: np.random.Generator
) -> IntArray:
    return exact_exits(confidence, fractions.p, generator)


EXACT = Thresholding(
    name="exact",
    summary="the most confident of the test set itself leave: transductive, a reference only",
    source="the budget parameter taken literally (DaRe, equation 3)",
    exits=_exits,
    decider=None,
)
