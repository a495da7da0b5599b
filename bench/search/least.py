"""The k images of each query that come first, while a gallery goes by in parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.retrieval.table import IntArray

Found = tuple[IntArray, IntArray, NDArray[np.int32]]
"""Pairs (P,): queries, ascending, images and distances."""
MOST_WAITING = 4
"""So many times what is wanted may wait to be chosen from."""


class Least:
    """The k images of Q queries at the least distances among those that went by; of equal ones, the earlier."""

    def __init__(self, queries: int, k: int, far: int) -> None:
        """Begin with images of index −1 at distance ``far``, beyond all others."""
        self.k, self.far = k, far
        self.images = np.full((queries, k), -1, dtype=np.int64)
        self.distances = np.full((queries, k), far, dtype=np.int32)
        self._waiting: list[Found] = []
        self._length = 0

    def extend(self, found: list[Found]) -> None:
        """Add pairs of later images; of very many, the least are chosen at once."""
        self._waiting += found
        self._length += sum(len(images) for _, images, _ in found)
        if self._length > MOST_WAITING * self.images.size:
            self.choose()

    def choose(self) -> None:
        """Choose the k least of all that was added."""
        kept = np.repeat(np.arange(len(self.images)), self.k), self.images.ravel(), self.distances.ravel()
        of_query, images, distances = map(np.concatenate, zip(kept, *self._waiting, strict=True))
        chosen = least(of_query, distances, self.k).reshape(-1, self.k)
        self.images, self.distances = images[chosen], distances[chosen]
        self._waiting, self._length = [], 0


def least(of_query: IntArray, distances: NDArray[np.int32], k: int) -> IntArray:
    """Indices of the k least of every query among pairs (P,), by query; of equal distances the earlier pair."""
    order = np.lexsort((distances, of_query))
    sorted_queries = of_query[order]
    rank = np.arange(len(order)) - np.searchsorted(sorted_queries, sorted_queries)
    return order[rank < k]
