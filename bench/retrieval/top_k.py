"""Nearest gallery images by blocks: the distances between all queries and all of the gallery are never held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError
from bench.retrieval.blocks import map_rows, row_slices
from bench.retrieval.matching import distances_between
from bench.retrieval.selection import nearest_images
from bench.retrieval.ties import IntArray

QUERY_BLOCK, GALLERY_BLOCK = 1024, 16384
"""Queries and gallery images compared at once: 64 MiB of distances."""
ROWS_AT_ONCE = 16
"""Queries whose nearest images one thread selects."""


@dataclass(frozen=True)
class Neighbours:
    """The nearest gallery images of Q queries, nearest first; at one distance, the earlier in the gallery."""

    indices: IntArray
    """(Q, k) indices in the gallery."""
    distances: NDArray[Any]
    """(Q, k) Hamming distances in bits (int32), or Euclidean distances (float32)."""
    farthest: NDArray[Any]
    """(Q,) distance of the farthest gallery image."""


def top_k(query: ArrayLike, gallery: ArrayLike, k: int) -> Neighbours:
    """Find the k nearest of gallery (G, D) to each query (Q, D): packed codes (uint8), or floats.

    A gallery of fewer than k images gives all of them: (Q, min(k, G)). Memory beside the embeddings and the answer: 64
    MiB of distances and some 100 MB to work in, whatever Q and G are. Raises :class:`BenchError` for a ``k`` below 1
    and for an empty gallery.
    """
    if k < 1:
        raise BenchError(f"k must be 1 or more; found {k}")
    queries, images = np.asarray(query), np.asarray(gallery)
    if images.ndim == 0 or len(images) == 0:
        raise BenchError("the gallery is empty: there is nothing to rank")
    parts = [_search(queries[rows], images, k) for rows in row_slices(max(1, len(queries)), QUERY_BLOCK)]
    return Neighbours(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _search(queries: NDArray[Any], images: NDArray[Any], k: int) -> tuple[IntArray, NDArray[Any], NDArray[Any]]:
    """Find the nearest (Q, min(k, G)) of one block of queries, their distances, and the farthest distances (Q,)."""
    best = np.empty((len(queries), 0), dtype=np.int64)
    least: NDArray[Any] | None = None
    for part in row_slices(len(images), GALLERY_BLOCK):
        distances = distances_between(queries, images[part])
        here = distances.max(axis=1)
        if least is None:
            least, farthest = distances[:, :0], here
        best, least = _merge(best, least, distances, part.start, k)
        farthest = np.maximum(farthest, here)
    assert least is not None, "a gallery has at least one image"
    return best, least, farthest


def _merge(
    best: IntArray, least: NDArray[Any], distances: NDArray[Any], first: int, k: int
) -> tuple[IntArray, NDArray[Any]]:
    """Keep the k nearest of those so far, (Q, n) with distances (Q, n), and of the images from ``first`` on (Q, B)."""
    kept = min(k, best.shape[1] + distances.shape[1])
    images = np.empty((len(best), kept), dtype=np.int64)
    values = np.empty((len(best), kept), dtype=distances.dtype)

    def fill(rows: slice) -> None:
        for row in range(rows.start, rows.stop):
            fresh, near = nearest_images(distances[row], k)
            # Those so far are earlier in the gallery: a stable sort keeps them first among equals.
            both = np.concatenate([least[row], near])
            order = both.argsort(kind="stable")[:kept]
            images[row] = np.concatenate([best[row], fresh + first])[order]
            values[row] = both[order]

    map_rows(fill, len(best), ROWS_AT_ONCE)
    return images, values
