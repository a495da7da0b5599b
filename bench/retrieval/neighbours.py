"""The nearest images that a query may see, and how near the next identity is: one search for tables and engines.

::

    index = GalleryIndex(codes, pids, camids)        # the gallery of one exit, prepared once
    found = index.search(queries, camids=query_camids, previous=nearest_at_the_exit_before)
    found.indices, found.distances                   # (Q, NEIGHBOURS), nearest first
    found.identity_margin                            # (Q,)
    found.previous_identity_distance                 # (Q,)

Codes are packed bits, uint8 (G, ceil(dim/8)), compared by Hamming distance, or floats (G, dim), compared by Euclidean
distance. What is found for a query does not depend on which queries it is searched with: one at a time or a thousand
together, results are equal to the last bit, so that decisions of a running system are those of the exit table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError
from bench.retrieval.blocks import map_rows, row_slices
from bench.retrieval.hamming import PackedGallery
from bench.retrieval.labels import label_pair
from bench.retrieval.matching import FloatGallery, pair_distances
from bench.retrieval.selection import beyond, first_of_rows, least_candidates
from bench.retrieval.table import NEIGHBOURS, FloatArray, IntArray

QUERY_ROWS = 8
"""Queries that one thread searches for at once: their distances to 20,000 images are 600 KB."""

FLOAT_ROWS = 256
"""Queries whose embeddings are compared at once."""


@dataclass(frozen=True)
class VisibleNeighbours:
    """What Q queries see of a gallery: the k nearest images, nearest first; at one distance, the earlier image."""

    indices: IntArray
    """(Q, k) their indices in the gallery; −1 where fewer are in sight."""
    distances: FloatArray
    """(Q, k) Hamming (bits) or Euclidean distances; inf where fewer are in sight."""
    identity_margin: FloatArray
    """(Q,) distance to the nearest image of another identity than the nearest image's, less the nearest distance.

    inf where no other identity is in sight."""
    previous_identity_distance: FloatArray
    """(Q,) distance to the nearest image in sight of the identity of the image that was nearest before; or inf."""


class GalleryIndex:
    """Codes (G, W) or embeddings (G, D), identities (G,) and cameras (G,) of one exit's gallery, prepared once."""

    def __init__(self, codes: ArrayLike, pids: ArrayLike, camids: ArrayLike) -> None:
        """Check codes and labels. Raises BenchError where they are of no known kind, or not one label an image."""
        values = np.asarray(codes)
        self._gallery = PackedGallery(values) if values.dtype == np.uint8 else FloatGallery(values)
        self.pids, self.camids = label_pair(pids, camids, "gallery")
        if len(self) != len(self.pids):
            raise BenchError(f"a gallery needs one label an image; found {len(self)} codes and {len(self.pids)} labels")
        if len(self) == 0:
            raise BenchError("the gallery is empty: there is nothing to rank")

    def __len__(self) -> int:
        """Count the gallery images."""
        return len(self._gallery.codes)

    @property
    def codes(self) -> NDArray[Any]:
        """Packed codes, uint8 (G, W), or floats (G, D)."""
        return self._gallery.codes

    def distances(self, query: ArrayLike) -> NDArray[np.int32] | NDArray[np.float32]:
        """Distances (Q, G) to the whole gallery, whoever may be seen."""
        return self._gallery.distances(query)

    def search(
        self,
        query: ArrayLike,
        *,
        camids: ArrayLike | None = None,
        hidden: NDArray[np.bool_] | None = None,
        previous: ArrayLike | None = None,
        k: int = NEIGHBOURS,
        distances: NDArray[Any] | None = None,
    ) -> VisibleNeighbours:
        """Find the k nearest visible images of Q queries, codes (Q, W) or embeddings (Q, D), and their margins.

        Images of the query's own camera are not seen where ``camids`` (Q,) are given, nor those that ``hidden`` (Q, G)
        marks. ``previous`` (Q,) are indices of gallery images, those that were nearest at the exit before; −1 for
        none. ``distances`` (Q, G) of :meth:`distances` spare computing them again. Raises BenchError where a shape or
        type does not fit the gallery.
        """
        if k < 1:
            raise BenchError(f"k must be 1 or more; found {k}")
        queries = np.asarray(query)
        cameras = _labels(camids, "cameras", len(queries))
        before = _labels(previous, "previous images", len(queries))
        every = np.empty((len(queries), k), dtype=np.int64), np.empty((len(queries), k))
        found = VisibleNeighbours(*every, np.empty(len(queries)), np.full(len(queries), np.inf))

        def fill(rows: slice) -> None:
            # A copy of what is given, because what is not seen is overwritten.
            seen = self.distances(queries[rows]) if distances is None else distances[rows].copy()
            far = beyond(seen.dtype)
            for row in range(len(seen)):
                if cameras is not None:
                    np.copyto(seen[row], far, where=self.camids == cameras[rows.start + row])
                if hidden is not None:
                    np.copyto(seen[row], far, where=hidden[rows.start + row])
            search = _Search(self, queries[rows], seen)
            if before is not None:
                found.previous_identity_distance[rows] = search.of_identity(before[rows])
            found.indices[rows], found.distances[rows] = search.nearest(k)
            found.identity_margin[rows] = search.margin(found.indices[rows], found.distances[rows])

        # Products of matrices have threads of their own, and like many rows at once.
        if distances is None and self.codes.dtype != np.uint8:
            for rows in row_slices(len(queries), FLOAT_ROWS):
                fill(rows)
        else:
            map_rows(fill, len(queries), QUERY_ROWS)
        return found

    @cached_property
    def _identities(self) -> tuple[IntArray, list[IntArray]]:
        """Number of each image's identity (G,), counted from 0, and the images of each, ascending."""
        _, numbers, counts = np.unique(self.pids, return_inverse=True, return_counts=True)
        order = np.argsort(numbers, kind="stable")
        return numbers, np.split(order, np.cumsum(counts)[:-1])

    def showing_same(self, image: int) -> IntArray:
        """Indices (n,), ascending, of the images of one image's identity, itself among them."""
        numbers, images = self._identities
        return images[numbers[image]]


class _Search:
    """A few queries and what they see: distances (R, G), overwritten on the way, largest where nothing is seen.

    Products of matrices add up in an order that depends on how many queries there are. So floats are selected by
    them generously, and what may count is computed again, pair by pair.
    """

    def __init__(self, index: GalleryIndex, queries: NDArray[Any], seen: NDArray[Any]) -> None:
        self.index, self.queries, self.seen = index, queries, seen
        self.floats = seen.dtype.kind == "f"
        self.slack = FloatGallery.slack(queries.shape[1]) if self.floats else 0.0

    def nearest(self, k: int) -> tuple[IntArray, FloatArray]:
        rows, columns = least_candidates(self.seen, k, self.slack)
        indices, distances = first_of_rows(rows, columns, self._exact(rows, columns), len(self.seen), k)
        return indices, _with_infinity(distances)

    def of_identity(self, images: IntArray) -> FloatArray:
        """Distances (R,) to the nearest image in sight of the identity on each gallery image (R,); inf for −1."""
        found = np.full(len(images), np.inf)
        for row in np.flatnonzero(images >= 0).tolist():
            same = self.index.showing_same(images[row])
            found[row] = self._least(row, self.seen[row, same], same)
        return found

    def margin(self, indices: IntArray, distances: FloatArray) -> FloatArray:
        """Identity margins (R,) of nearest images (R, k) and distances (R, k)."""
        margin = np.full(len(indices), np.inf)
        pids = np.where(indices >= 0, self.index.pids[indices], 0)
        other = (pids != pids[:, :1]) & (indices >= 0)
        first = other.argmax(axis=1)
        every = np.arange(len(indices))
        listed = other[every, first]
        margin[listed] = distances[every, first][listed]
        # Where all that are listed show one person, and there are more, the next person is further down.
        for row in np.flatnonzero(~listed & (indices[:, -1] >= 0)).tolist():
            line = self.seen[row]
            line[self.index.showing_same(indices[row, 0])] = beyond(line.dtype)
            margin[row] = self._least(row, line)
        np.subtract(margin, distances[:, 0], out=margin, where=np.isfinite(margin))
        return margin

    def _least(self, row: int, values: NDArray[Any], columns: IntArray | None = None) -> float:
        """Give the least of some distances (n,) of one query: to the whole gallery, or to ``columns`` (n,)."""
        least = values.min()
        if least == beyond(values.dtype):
            return float("inf")
        if not self.floats:
            return float(least)
        near = np.flatnonzero(values <= least * np.float32(1 + self.slack))
        images = near if columns is None else columns[near]
        return float(pair_distances(self.queries[row], self.index.codes[images]).min())

    def _exact(self, rows: IntArray, columns: IntArray) -> NDArray[Any]:
        if not self.floats:
            values: NDArray[Any] = self.seen[rows, columns]
            return values
        return pair_distances(self.queries[rows], self.index.codes[columns])


def _with_infinity(distances: NDArray[Any]) -> FloatArray:
    """Distances in double precision, infinite where nothing was found."""
    return np.where(distances == beyond(distances.dtype), np.inf, distances.astype(np.float64))


def _labels(values: ArrayLike | None, name: str, count: int) -> IntArray | None:
    """Check whole numbers (Q,), one a query, where there are any."""
    if values is None:
        return None
    labels = np.asarray(values)
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise BenchError(f"{name} must be whole numbers ({count},), one a query; found {labels.dtype} {labels.shape}")
    return labels.astype(np.int64)
