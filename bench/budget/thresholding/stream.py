"""DaRe's online rule: a query leaves whose confidence stands high enough among all that came before it."""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING

import numpy as np

from bench.budget.thresholding.contract import Thresholding
from bench.budget.thresholds import check_confidence, stream_exits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.budget.distribution import ExitFractions
    from bench.retrieval.table import FloatArray, IntArray


class StreamDecider:
    """The rule of :func:`bench.budget.thresholds.stream_exits`, query by query.

    It remembers every confidence seen at every exit but the last: a few bytes a query, for as long as it runs.
    """

    def __init__(self, q: FloatArray) -> None:
        """Begin with nothing seen; q (S,) are conditional exit fractions."""
        self._q = [float(share) for share in q]
        self._seen: list[list[float]] = [[] for _ in q[:-1]]

    def leave(self, confidence: FloatArray, exit_index: int) -> NDArray[np.bool_]:
        """Decide for queries in order of arrival: confidences (B,) → leave (B,). Raises BenchError where one is NaN."""
        check_confidence(confidence, exit_index)
        if exit_index == len(self._seen):
            return np.ones(len(confidence), dtype=bool)
        seen, share = self._seen[exit_index], self._q[exit_index]
        leaving = np.empty(len(confidence), dtype=bool)
        for row, own in enumerate(np.asarray(confidence, dtype=np.float64).tolist()):
            insort(seen, own)
            # The list rises: the entry int((n − 1) · q) of the descending order, from its end.
            leaving[row] = own >= seen[-1 - int((len(seen) - 1) * share)]
        return leaving


def _exits(
    confidence: FloatArray, fractions: ExitFractions, calibration: FloatArray | None, generator: np.random.Generator
) -> IntArray:
    return stream_exits(confidence, fractions.q)


STREAM = Thresholding(
    name="stream",
    summary="thresholds are quantiles of the confidences seen so far; the order of the queries matters",
    source="DaRe's published simulation (budgeted_stream)",
    exits=_exits,
    decider=lambda q, calibration: StreamDecider(q),
    order_matters=True,
)
