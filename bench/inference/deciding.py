"""Thresholds as they are used while queries come: an exit's confidences in, who leaves out.

The same rules as over a whole table (:mod:`bench.budget.thresholds`), one query after another.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.retrieval.table import FloatArray


class OnlineThresholds(Protocol):
    """Who leaves at each of S exits. Nobody is asked at the last."""

    num_exits: int

    def leaving(self, exit_index: int, confidence: FloatArray) -> NDArray[np.bool_]:
        """Which of the queries with these confidences (n,), in the order of their coming, leave at an exit: (n,)."""

    def restart(self) -> None:
        """Forget the queries that came before."""


class FixedThresholds:
    """Thresholds (S − 1,) that stand: calibrated ones."""

    def __init__(self, thresholds: FloatArray) -> None:
        self.thresholds = np.asarray(thresholds, dtype=np.float64)
        self.num_exits = len(self.thresholds) + 1

    def leaving(self, exit_index: int, confidence: FloatArray) -> NDArray[np.bool_]:
        """Let go who reaches the threshold: (n,)."""
        return _checked(confidence, exit_index) >= self.thresholds[exit_index]

    def restart(self) -> None:
        """Nothing is remembered."""


class StreamThresholds:
    """DaRe's online rule for conditional shares q (S,): :func:`bench.budget.thresholds.stream_exits`, as it happens."""

    def __init__(self, q: FloatArray) -> None:
        self.q = [float(share) for share in q]
        self.num_exits = len(self.q)
        self.restart()

    def leaving(self, exit_index: int, confidence: FloatArray) -> NDArray[np.bool_]:
        """Let go who has at most ``int((n − 1) · q_s)`` higher ones among the n seen so far, in their order: (n,)."""
        seen, share = self.seen[exit_index], self.q[exit_index]
        leaves = np.empty(len(confidence), dtype=bool)
        for row, value in enumerate(_checked(confidence, exit_index).tolist()):
            higher = len(seen) - bisect_right(seen, value)
            leaves[row] = higher <= int(len(seen) * share)
            insort(seen, value)
        return leaves

    def restart(self) -> None:
        """Forget the stream."""
        self.seen: list[list[float]] = [[] for _ in self.q]


def _checked(confidence: FloatArray, exit_index: int) -> FloatArray:
    values = np.asarray(confidence, dtype=np.float64)
    if np.isnan(values).any():
        raise BenchError(
            f"the policy's confidence is NaN at exit {exit_index + 1}: a signal that it reads is not there"
        )
    return values
