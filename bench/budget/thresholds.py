"""From confidences to exits by thresholds: those of a stream, and those that stand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.budget.arrivals import higher_before
from bench.errors import BenchError
from bench.retrieval.table import FloatArray, IntArray

SUREST = float(np.finfo(np.float64).max)
"""What an infinite confidence counts as where thresholds stand, so that a threshold of inf lets nobody leave."""


def stream_exits(confidence: FloatArray, q: FloatArray) -> IntArray:
    """Exits (N,) of queries that come in row order, from confidences (N, S) and conditional exit fractions q (S,).

    Several budgets at once: fractions (K, S) give exits (K, N).

    DaRe's online rule: the first query to reach an exit leaves there. After that a query leaves if its confidence
    is at least the entry ``int((n − 1) · q_s)`` of the descending order of all n confidences seen at that exit, its
    own included; so a new maximum always leaves, and the rule tends to spend less than it may. Everybody leaves at
    the last exit.

    To be at least that entry is to have at most ``int((n − 1) · q_s)`` higher ones before oneself, which is counted
    for all budgets together: O(N log N) for a budget.

    Raises BenchError where confidences have another number of exits than q, or one is NaN.
    """
    fractions = np.atleast_2d(q)
    values = checked(confidence, fractions.shape[1])
    exits = np.full((len(values), len(fractions)), fractions.shape[1] - 1, dtype=np.int64)
    # At the first exit everybody arrives, whatever the budget: one stream is counted for all.
    staying = np.ones((len(values), 1), dtype=bool)
    for index in range(fractions.shape[1] - 1):
        higher = higher_before(values[:, index], staying)
        arrived_before = np.cumsum(staying, axis=0) - 1
        leaving = staying & (higher <= (arrived_before * fractions[:, index]).astype(np.int64))
        exits[leaving] = index
        staying = staying & ~leaving
    return exits.T if np.ndim(q) == 2 else exits[:, 0]


def threshold_exits(confidence: FloatArray, thresholds: FloatArray) -> IntArray:
    """Exits (N,): the first at which the confidence (N, S) reaches its threshold (S − 1,), or else the last.

    A threshold of inf is reached by nobody, not by an infinite confidence either. Raises BenchError where confidences
    have another number of exits than the thresholds, or one is NaN.
    """
    values = np.minimum(checked(confidence, len(thresholds) + 1), SUREST)
    reached = np.concatenate([values[:, :-1] >= thresholds, np.ones((len(values), 1), dtype=bool)], axis=1)
    return reached.argmax(axis=1).astype(np.int64)


def checked(confidence: FloatArray, num_exits: int) -> NDArray[np.float64]:
    """Give confidences (N, S) as float64; raises BenchError where their shape is another, or one is NaN."""
    values = np.asarray(confidence, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != num_exits:
        raise BenchError(f"confidences are (queries, {num_exits}), not {values.shape}")
    for index in range(num_exits):
        check_confidence(values[:, index], index)
    return values


def check_confidence(confidence: FloatArray, exit_index: int) -> None:
    """Raise BenchError where a confidence (B,) at an exit is NaN."""
    missing = np.isnan(confidence)
    if missing.any():
        raise BenchError(f"the policy's confidence is NaN for query {missing.argmax()} at exit {exit_index + 1}")
