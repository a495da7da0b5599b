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

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError
from bench.retrieval.blocks import map_rows, row_slices
from bench.retrieval.hamming import PackedGallery
from bench.retrieval.labels import cameras, label_pair
from bench.retrieval.matching import FloatGallery, pair_distances
from bench.retrieval.selection import beyond, candidates, nearest_images
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
        self.pids, views = label_pair(pids, camids, "gallery")
        # What a running system hides from a query is its own camera: clothes are known to the protocol alone.
        self.camids = cameras(views)
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
        """Distances (Q, G) to the whole gallery, hidden images included."""
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
        found = VisibleNeighbours(
            indices=np.full((len(queries), k), -1, dtype=np.int64),
            distances=np.full((len(queries), k), np.inf),
            identity_margin=np.full(len(queries), np.inf),
            previous_identity_distance=np.full(len(queries), np.inf),
        )

        def fill(rows: slice) -> None:
            # A copy of what is given, because what is not seen is overwritten.
            seen = self.distances(queries[rows]) if distances is None else distances[rows].copy()
            for row, line in enumerate(seen, rows.start):
                if cameras is not None:
                    line[self._of_camera(cameras[row])] = beyond(line.dtype)
                if hidden is not None:
                    line[hidden[row]] = beyond(line.dtype)
                view = _View(self, queries[row], line)
                if before is not None and before[row] >= 0:
                    found.previous_identity_distance[row] = view.least(self._of_identity(self.pids[before[row]]))
                images, nearest = view.nearest(k)
                found.indices[row, : len(images)], found.distances[row, : len(images)] = images, nearest
                found.identity_margin[row] = view.margin(images, nearest, k)

        # Products of matrices have threads of their own, and like many rows at once.
        if distances is None and self.codes.dtype != np.uint8:
            for rows in row_slices(len(queries), FLOAT_ROWS):
                fill(rows)
        else:
            map_rows(fill, len(queries), QUERY_ROWS)
        return found

    @cached_property
    def _of_identity(self) -> _Members:
        return _Members(self.pids)

    @cached_property
    def _of_camera(self) -> _Members:
        return _Members(self.camids)


class _Members:
    """Images of each label (G,): called with a label, indices (n,) in ascending order."""

    def __init__(self, labels: IntArray) -> None:
        self._order = np.argsort(labels, kind="stable")
        names, starts = np.unique(labels[self._order], return_index=True)
        ends = np.append(starts[1:], len(labels))
        self._slices = dict(zip(names.tolist(), map(slice, starts.tolist(), ends.tolist()), strict=True))

    def __call__(self, label: np.integer[Any]) -> IntArray:
        return self._order[self._slices.get(int(label), slice(0))]


class _View:
    """What one query sees: distances (G,), overwritten on the way, :func:`beyond` where nothing is seen.

    Products of matrices add up in an order that depends on how many queries there are. So floats are selected by
    them generously, and what may count is computed again, pair by pair.
    """

    def __init__(self, index: GalleryIndex, query: NDArray[Any], distances: NDArray[Any]) -> None:
        self.index, self.query, self.distances = index, query, distances
        self.floats = distances.dtype.kind == "f"
        self.slack = FloatGallery.slack(len(query)) if self.floats else 0.0

    def nearest(self, k: int) -> tuple[IntArray, NDArray[Any]]:
        """Images (n,) and distances (n,) of the k nearest, n at most k."""
        if not self.floats:
            return nearest_images(self.distances, k)
        images = candidates(self.distances, k, self.slack)
        distances = pair_distances(self.query, self.index.codes[images])
        order = distances.argsort(kind="stable")[:k]
        return images[order], distances[order]

    def margin(self, images: IntArray, distances: NDArray[Any], k: int) -> float:
        """Identity margin of the k nearest, images (n,) and distances (n,)."""
        if not len(images):
            return math.inf
        pids = self.index.pids[images].tolist()
        nearest = float(distances[0])
        for pid, distance in zip(pids, distances.tolist(), strict=True):
            if pid != pids[0]:
                return float(distance - nearest)
        if len(images) < k:
            return math.inf
        # All that are listed show one person, and there are more images: the next person is further down.
        self.distances[self.index._of_identity(pids[0])] = beyond(self.distances.dtype)
        return self.least() - nearest

    def least(self, among: IntArray | None = None) -> float:
        """Distance to the nearest image in sight, of all or of ``among`` (n,); infinite where there is none."""
        distances = self.distances if among is None else self.distances[among]
        least = distances.min()
        if least == beyond(distances.dtype):
            return math.inf
        if not self.floats:
            return float(least)
        near = np.flatnonzero(distances <= least * distances.dtype.type(1 + self.slack))
        return float(pair_distances(self.query, self.index.codes[near if among is None else among[near]]).min())


def _labels(values: ArrayLike | None, name: str, count: int) -> IntArray | None:
    """Check whole numbers (Q,), one a query, where there are any."""
    if values is None:
        return None
    labels = np.asarray(values)
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise BenchError(f"{name} must be whole numbers ({count},), one a query; found {labels.dtype} {labels.shape}")
    return labels.astype(np.int64)
