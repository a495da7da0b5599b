"""Thresholds set once, on identities held out of training, that then stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.budget.thresholding.contract import Thresholding
from bench.budget.thresholds import SUREST, check_confidence, checked, threshold_exits
from bench.errors import BenchError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.budget.distribution import ExitFractions
    from bench.retrieval.table import FloatArray, IntArray


def calibrate(confidence: FloatArray, q: FloatArray) -> FloatArray:
    """Thresholds (S − 1,) under which fractions q (S,) of those who reach each exit of the calibration set leave.

    ``confidence`` is (M, S). Where nobody is to leave the threshold is inf, which no confidence reaches
    (:data:`bench.budget.thresholds.SUREST`). Raises BenchError where there are no calibration queries, or a confidence
    is NaN.
    """
    values = np.minimum(checked(confidence, len(q)), SUREST)
    if not len(values):
        raise BenchError("thresholds are set on at least one calibration query, and there is none")
    thresholds = np.full(len(q) - 1, np.inf)
    for index in range(len(q) - 1):
        count = round(float(q[index]) * len(values))
        ordered = np.sort(values[:, index])[::-1]
        if len(values) and count >= len(values):
            thresholds[index] = -np.inf
        elif count:
            # Between the last that leaves and the first that stays.
            thresholds[index] = _between(ordered[count - 1], ordered[count])
        values = values[values[:, index] < thresholds[index]]
    return thresholds


class FixedThresholds:
    """Thresholds (S − 1,) that stand: a query leaves whose confidence reaches that of its exit."""

    def __init__(self, thresholds: FloatArray) -> None:
        """Keep the thresholds."""
        self.thresholds = thresholds

    def leave(self, confidence: FloatArray, exit_index: int) -> NDArray[np.bool_]:
        """Decide for queries: confidences (B,) → leave (B,). Raises BenchError where one is NaN."""
        check_confidence(confidence, exit_index)
        if exit_index == len(self.thresholds):
            return np.ones(len(confidence), dtype=bool)
        return np.minimum(np.asarray(confidence, dtype=np.float64), SUREST) >= self.thresholds[exit_index]


def _exits(
    confidence: FloatArray, fractions: ExitFractions, calibration: FloatArray | None, generator: np.random.Generator
) -> IntArray:
    assert calibration is not None
    return np.stack([threshold_exits(confidence, calibrate(calibration, q)) for q in fractions.q])


def _decider(q: FloatArray, calibration: FloatArray | None) -> FixedThresholds:
    assert calibration is not None
    return FixedThresholds(calibrate(calibration, q))


def _between(upper: float, lower: float) -> float:
    if upper == lower or np.isinf(upper) or np.isinf(lower):
        return upper
    return (upper + lower) / 2


CALIBRATED = Thresholding(
    name="calibrated",
    summary="thresholds are set on identities held out of training, and then stand",
    source="MSDNet (Huang et al., 2018), budgeted batch classification: thresholds from a validation set",
    exits=_exits,
    decider=_decider,
    needs="calibration",
)
