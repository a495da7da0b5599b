"""Counting over a stream: how many of those that came before stand higher."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.retrieval.table import FloatArray


def higher_before(values: FloatArray, arrived: NDArray[np.bool_]) -> NDArray[np.integer]:
    """Count, for each of N arrivals, the earlier ones of a strictly higher value: (N,), (N, K) → (N, K).

    ``arrived`` says, for each of K streams over the same values (N,), which of them come at all; counts of those that
    do not are those they would have had. All streams share one descent through the bits of the values' ranks, from the
    highest on: where two ranks part, the one with a 0 is higher, and if it comes first the other counts it. That is
    O(N log N) for a stream.
    """
    total = len(values)
    # Of equal values the later has the lower rank, so that no equal ever counts as higher.
    ranks = np.empty(total, dtype=np.int64)
    ranks[np.lexsort((-np.arange(total), -values))] = np.arange(total)
    # What is moved about decides the time: half the bytes where they hold every count.
    kind = np.int16 if total <= np.iinfo(np.int16).max else np.int32
    coming = arrived.astype(kind)
    counts = np.zeros(arrived.shape, dtype=kind)
    # In the order of arrival within each group of ranks that agree in all higher bits.
    order = np.arange(total)
    for bit in reversed(range(max(total - 1, 0).bit_length())):
        prefixes = ranks[order] >> bit
        below = (prefixes & 1).astype(bool)
        running = np.zeros((total - int(below.sum()) + 1, arrived.shape[1]), dtype=kind)
        np.cumsum(coming[order[~below]], axis=0, dtype=kind, out=running[1:])
        groups = prefixes >> 1
        start_of_group = np.searchsorted(groups[~below], groups[below])
        counts[order[below]] += running[np.cumsum(~below)[below]] - running[start_of_group]
        order = order[np.argsort(prefixes, kind="stable")]
    return counts
