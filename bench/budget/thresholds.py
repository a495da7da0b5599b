"""From confidences to exits: who leaves where, in three modes.

``stream``      queries come one by one; the threshold is a quantile of what was seen so far (DaRe's).
``calibrated``  thresholds are set once, on identities held out of training, and then stand.
``exact``       the most confident share of the test set itself leaves: a reference, since no deployed system
                knows its future queries.
"""

from __future__ import annotations

from bisect import insort

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.retrieval.table import FloatArray, IntArray


def stream_exits(confidence: FloatArray, q: FloatArray) -> IntArray:
    """Exits (N,) of queries that come in row order, from confidences (N, S) and conditional shares q (S,).

    DaRe's online rule: the first query to reach an exit leaves there. After that a query leaves if its confidence
    is at least the entry ``int((n − 1) · q_s)`` of the descending order of all n confidences seen at that exit, its
    own included; so a new maximum always leaves, and the rule tends to spend less than it may. Everybody leaves at
    the last exit.
    """
    values = _checked(confidence, len(q))
    exits = np.full(len(values), len(q) - 1, dtype=np.int64)
    arriving = np.arange(len(values))
    for index in range(len(q) - 1):
        seen: list[float] = []  # ascending
        share = float(q[index])
        leaves = np.zeros(len(arriving), dtype=bool)
        for place, own in enumerate(values[arriving, index].tolist()):
            insort(seen, own)
            leaves[place] = own >= seen[-1 - int(place * share)]
        exits[arriving[leaves]] = index
        arriving = arriving[~leaves]
    return exits


def exact_exits(confidence: FloatArray, p: FloatArray, generator: np.random.Generator) -> IntArray:
    """Exits (N,) such that shares p (S,) of this very set leave, the most confident first; equal ones by lot.

    The number gone after each exit is the cumulative share of N, rounded: exact to half a query.
    """
    values = _checked(confidence, len(p))
    exits = np.full(len(values), len(p) - 1, dtype=np.int64)
    gone = np.rint(np.cumsum(p) * len(values)).astype(int)
    staying = generator.permutation(len(values))
    for index in range(len(p) - 1):
        leaving = gone[index] - (len(values) - len(staying))
        order = staying[np.argsort(-values[staying, index], kind="stable")]
        exits[order[:leaving]] = index
        # Back to lot order, so that ties at the next exit are drawn again by the same lot.
        staying = staying[~np.isin(staying, order[:leaving])]
    return exits


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
