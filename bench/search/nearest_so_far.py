"""The k nearest images of many queries, while a gallery goes by in parts."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from bench.retrieval.hamming import PackedGallery, load_faiss
from bench.retrieval.selection import nearest_images
from bench.retrieval.table import IntArray
from bench.search.least import Found, Least, least


class NearestSoFar(Least):
    """The k nearest images of Q queries among those that went by, by Hamming distance.

    What is no nearer than the k-th so far comes after it, as earlier images come first. Queries stand in the order of
    their k-th distance: those that are compared at once have one bound that fits all.
    """

    def __init__(self, query: NDArray[np.uint8], k: int) -> None:
        """Begin with no images, for packed codes (Q, W)."""
        super().__init__(len(query), k, far=8 * query.shape[1] + 1)
        self.query, self.rows = np.ascontiguousarray(query), np.arange(len(query))
        self._faiss = load_faiss()

    def among(self, rows: slice, first: int, part: PackedGallery) -> Found:
        """Find what is nearer than the k-th so far in a part of the gallery, from image ``first`` on.

        For the queries that stand in ``rows``. Threads may ask at once, also while more is added: a bound that is no
        longer the least lets more through, and nothing less.
        """
        query, bounds = self.query[rows], self.distances[rows, -1]
        if bounds.max() == self.far:
            chosen = [nearest_images(line, self.k) for line in part.distances(query)]
            of_query = np.repeat(np.arange(len(query)), [len(images) for images, _ in chosen])
            images, distances = (np.concatenate(both) for both in zip(*chosen, strict=True))
        else:
            of_query, images, distances = within(query, part, bounds, self._faiss)
            if len(of_query) > self.k * len(query):
                few = least(of_query, distances, self.k)
                of_query, images, distances = of_query[few], images[few], distances[few]
        return of_query + rows.start, images + first, distances

    def settle(self) -> None:
        """Choose the k nearest, and order the queries anew; no thread may ask meanwhile."""
        self.choose()
        order = self.distances[:, -1].argsort(kind="stable")
        self.query, self.rows = self.query[order], self.rows[order]
        self.images, self.distances = self.images[order], self.distances[order]

    def in_order(self) -> tuple[IntArray, NDArray[np.int32]]:
        """Give images (Q, k) and distances (Q, k) in the order in which the queries came."""
        order = self.rows.argsort()
        return self.images[order], self.distances[order]


def within(query: NDArray[np.uint8], part: PackedGallery, bounds: NDArray[np.int32], faiss: ModuleType | None) -> Found:
    """Find the pairs of queries (Q, W) and images that are nearer than the query's bound (Q,).

    Images of a query are in their order. ``faiss`` is the library, where it is there.
    """
    if faiss is None:
        distances = part.distances(query)
        of_query, images = np.nonzero(distances < bounds[:, None])
        return of_query, images, distances[of_query, images]
    # Faiss compares by one bound for all, in less time than it takes to write distances down or to keep a heap.
    result = faiss.RangeSearchResult(len(query))
    sizes = len(query), len(part.codes), int(bounds.max()), query.shape[1]
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)  # of this thread alone: others are at other parts
    try:
        faiss.hamming_range_search(faiss.swig_ptr(query), faiss.swig_ptr(part.codes), *sizes, result)
    finally:
        faiss.omp_set_num_threads(threads)
    counts = np.diff(faiss.rev_swig_ptr(result.lims, len(query) + 1).astype(np.int64))
    count = int(counts.sum())
    of_query = np.repeat(np.arange(len(query)), counts)
    images = faiss.rev_swig_ptr(result.labels, count).astype(np.int64)
    distances = faiss.rev_swig_ptr(result.distances, count).astype(np.int32)
    nearer = distances < bounds[of_query]
    return of_query[nearer], images[nearer], distances[nearer]
