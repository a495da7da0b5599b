"""From confidences to exits: who leaves where, in three thresholdings.

``stream``      queries come one by one; the threshold is a quantile of what was seen so far (DaRe's).
``calibrated``  thresholds are set once, on identities held out of training, and then stand.
``exact``       the most confident share of the test set itself leaves: a reference, since no deployed system
                knows its future queries.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.budget.arrivals import higher_before
from bench.errors import BenchError
from bench.retrieval.table import FloatArray, IntArray


def stream_exits(confidence: FloatArray, q: FloatArray) -> IntArray:
    """Exits (N,) of queries that come in row order, from confidences (N, S) and conditional shares q (S,).

    Several budgets at once: shares (K, S) give exits (K, N).

    DaRe's online rule: the first query to reach an exit leaves there. After that a query leaves if its confidence
    is at least the entry ``int((n − 1) · q_s)`` of the descending order of all n confidences seen at that exit, its
    own included; so a new maximum always leaves, and the rule tends to spend less than it may. Everybody leaves at
    the last exit.

    To be at least that entry is to have at most ``int((n − 1) · q_s)`` higher ones before oneself, which is counted
    for all budgets together: O(N log N) for a budget.
    """
    shares = np.atleast_2d(q)
    values = _checked(confidence, shares.shape[1])
    exits = np.full((len(values), len(shares)), shares.shape[1] - 1, dtype=np.int64)
    # At the first exit everybody arrives, whatever the budget: one stream is counted for all.
    staying = np.ones((len(values), 1), dtype=bool)
    for index in range(shares.shape[1] - 1):
        higher = higher_before(values[:, index], staying)
        places = np.cumsum(staying, axis=0) - 1
        leaving = staying & (higher <= (places * shares[:, index]).astype(np.int64))
        exits[leaving] = index
        staying = staying & ~leaving
    return exits.T if np.ndim(q) == 2 else exits[:, 0]


def exact_exits(confidence: FloatArray, p: FloatArray, generator: np.random.Generator) -> IntArray:
    """Exits (N,) such that shares p (S,) of this very set leave, the most confident first; equal ones by lot.

    Several budgets at once: shares (K, S) give exits (K, N), by one lot. The number gone after each exit is the
    cumulative share of N, rounded: exact to half a query.
    """
    shares = np.atleast_2d(p)
    values = _checked(confidence, shares.shape[1])
    exits = np.full((len(shares), len(values)), shares.shape[1] - 1, dtype=np.int64)
    lot = generator.permutation(len(values))
    orders = [lot[np.argsort(-values[lot, index], kind="stable")] for index in range(shares.shape[1] - 1)]
    gone = np.rint(np.cumsum(shares, axis=1) * len(values)).astype(int)
    for chosen, gone_after in zip(exits, gone, strict=True):
        staying = np.ones(len(values), dtype=bool)
        left = 0
        for index, order in enumerate(orders):
            leaving = order[staying[order]][: gone_after[index] - left]
            chosen[leaving] = index
            staying[leaving] = False
            left += len(leaving)
    return exits if np.ndim(p) == 2 else exits[0]


def calibrate(confidence: FloatArray, q: FloatArray) -> FloatArray:
    """Thresholds (S − 1,) under which shares q (S,) of those who reach each exit of the calibration set leave."""
    values = _checked(confidence, len(q))
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


def threshold_exits(confidence: FloatArray, thresholds: FloatArray) -> IntArray:
    """Exits (N,): the first at which the confidence (N, S) reaches its threshold (S − 1,), or else the last."""
    values = _checked(confidence, len(thresholds) + 1)
    reached = np.concatenate([values[:, :-1] >= thresholds, np.ones((len(values), 1), dtype=bool)], axis=1)
    return reached.argmax(axis=1).astype(np.int64)


def _between(upper: float, lower: float) -> float:
    if upper == lower or np.isinf(upper) or np.isinf(lower):
        return upper
    return (upper + lower) / 2


def _checked(confidence: FloatArray, num_exits: int) -> NDArray[np.float64]:
    values = np.asarray(confidence, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != num_exits:
        raise BenchError(f"confidences are (queries, {num_exits}), not {values.shape}")
    if np.isnan(values).any():
        row, column = np.argwhere(np.isnan(values))[0]
        raise BenchError(f"the policy's confidence is NaN for query {row} at exit {column + 1}")
    return values
