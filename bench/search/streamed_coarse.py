"""Coarse-to-fine search for the nearest images alone, a part of a large gallery at a time.

The lists are those that :class:`bench.retrieval.coarse_to_fine.CoarseToFineIndex` begins its order of the whole gallery
with. An order of ten million images for every query would not fit into memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bench.progress import SILENT, Reporter
from bench.retrieval.hamming import PackedGallery, hamming, load_faiss
from bench.retrieval.selection import nearest_images
from bench.retrieval.table import IntArray
from bench.search.least import Found, Least
from bench.search.nearest_so_far import within
from bench.search.streamed import Codes, nearest, parts

QUERIES = 16
"""Queries that one thread searches for at once: some share of the gallery is a candidate for each."""
IMAGES = 65_536


class CoarseToFineLists:
    """Codes of L lengths of one gallery (G, W) each, the shortest first, and the thresholds (L − 1) between them."""

    def __init__(self, galleries: Sequence[Codes], lengths: Sequence[int], thresholds: Sequence[int]) -> None:
        """Take codes, lengths that rise, and thresholds of distance."""
        self.galleries, self.lengths, self.thresholds = list(galleries), list(lengths), list(thresholds)
        # An image that was compared by a longer code comes before all that were not.
        self._behind = [sum(length + 1 for length in self.lengths[level + 1 :]) for level in range(len(self.lengths))]

    def search(
        self, queries: Sequence[NDArray[np.uint8]], k: int, reporter: Reporter = SILENT
    ) -> tuple[IntArray, NDArray[np.int32]]:
        """Search by codes (Q, W) of every length: images and whole numbers that rank them, both (Q, min(k, G)).

        Of equal numbers the earlier image comes first.
        """
        faiss = load_faiss()
        k = min(k, len(self.galleries[0]))
        codes = [np.ascontiguousarray(query) for query in queries]
        found = Least(len(codes[0]), k, far=sum(length + 1 for length in self.lengths))
        bound = np.full(QUERIES, self.thresholds[0] + 1, dtype=np.int32)

        def on_part(rows: slice, start: int, part: PackedGallery) -> Found:
            query = [level[rows] for level in codes]
            of_query, images, distances = within(query[0], part, bound[: len(query[0])], faiss)
            finer = [np.asarray(gallery[start : start + len(part.codes)]) for gallery in self.galleries[1:]]
            ends = np.searchsorted(of_query, np.arange(len(query[0]) + 1))
            lists = []
            for row, (begin, end) in enumerate(pairwise(ends)):
                near = images[begin:end]
                order = self._refine([level[row : row + 1] for level in query[1:]], near, distances[begin:end], finer)
                chosen, order = nearest_images(order, k)
                lists.append((np.full(len(chosen), rows.start + row), start + near[chosen], order))
            return tuple(map(np.concatenate, zip(*lists, strict=True)))  # type: ignore[return-value]

        with reporter.task("searching", len(self.galleries[0]), unit="images") as task:
            for of_part in parts(len(codes[0]), self.galleries[0], on_part, task, sizes=(QUERIES, IMAGES)):
                found.extend(of_part)
        found.choose()
        self._fill(found, codes[0])
        return found.images, found.distances

    def _refine(
        self,
        query: Sequence[NDArray[np.uint8]],
        near: IntArray,
        distances: NDArray[np.int32],
        finer: Sequence[NDArray[np.uint8]],
    ) -> NDArray[np.int32]:
        """Rank images (n,) that the shortest code lets through at distances (n,), by the longer codes of one query."""
        order = distances + np.int32(self._behind[0])
        left = np.arange(len(near))
        for level, (code, images) in enumerate(zip(query, finer, strict=True), start=1):
            if not len(left):
                break
            away = hamming(code, images[near[left]])[0]
            order[left] = away + self._behind[level]
            if level < len(self.thresholds):
                left = left[away <= self.thresholds[level]]
        return order

    def _fill(self, found: Least, query: NDArray[np.uint8]) -> None:
        """Where fewer than k images come through the first threshold, the next by the shortest code follow them."""
        short = np.flatnonzero((found.images < 0).any(axis=1))
        if not len(short):
            return
        images, distances = nearest(query[short], self.galleries[0], found.k)
        for row, others, away in zip(short, images, distances, strict=True):
            missing = found.images[row] < 0
            found.images[row, missing] = others[missing]
            found.distances[row, missing] = away[missing] + self._behind[0]
