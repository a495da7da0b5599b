"""Nearest gallery images by blocks: the distances between all queries and all of the gallery are never held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError
from bench.retrieval.blocks import map_rows, row_slices
from bench.retrieval.matching import distances_between
from bench.retrieval.ties import IntArray

QUERY_BLOCK, GALLERY_BLOCK = 1024, 16384
"""Queries and gallery images compared at once: 64 MiB of distances."""
ROWS_AT_ONCE = 16
"""Queries whose candidates one thread holds: 2 MiB of them."""
PLACE_BITS = 32
"""Low bits of a candidate that hold its place in the gallery; the high ones hold its distance."""


@dataclass(frozen=True)
class Neighbours:
    """The nearest gallery images of Q queries, nearest first; at one distance, the earlier in the gallery."""

    indices: IntArray
    """(Q, k) places in the gallery."""
    distances: NDArray[Any]
    """(Q, k) Hamming distances in bits (int32), or Euclidean distances (float32)."""
    farthest: NDArray[Any]
    """(Q,) distance of the farthest gallery image."""


def top_k(query: ArrayLike, gallery: ArrayLike, k: int) -> Neighbours:
    """Find the k nearest of gallery (G, D) to each query (Q, D): packed codes (uint8), or floats.

    A gallery of fewer than k images gives all of them: (Q, min(k, G)). Memory beside the embeddings and the answer:
    64 MiB of distances and some 100 MB to work in, whatever Q and G are.
    """
    if k < 1:
        raise BenchError(f"k must be 1 or more; found {k}")
    queries, images = np.asarray(query), np.asarray(gallery)
    if images.ndim == 0 or len(images) == 0:
        raise BenchError("the gallery is empty: there is nothing to rank")
    parts = [_search(queries[rows], images, k) for rows in row_slices(max(1, len(queries)), QUERY_BLOCK)]
    candidates = np.concatenate([candidates for candidates, _ in parts])
    farthest = np.concatenate([farthest for _, farthest in parts])
    distances = (candidates >> PLACE_BITS).astype(np.int32).view(farthest.dtype)
    return Neighbours(candidates & ((1 << PLACE_BITS) - 1), distances, farthest)


def _search(queries: NDArray[Any], images: NDArray[Any], k: int) -> tuple[IntArray, NDArray[Any]]:
    """Find the candidates (Q, min(k, G)) of one block of queries, ascending, and the farthest distances (Q,)."""
    best = np.empty((len(queries), 0), dtype=np.int64)
    farthest: NDArray[Any] | None = None
    for part in row_slices(len(images), GALLERY_BLOCK):
        distances = distances_between(queries, images[part])
        best = _merge(best, distances, part.start, k)
        here = distances.max(axis=1)
        farthest = here if farthest is None else np.maximum(farthest, here)
    assert farthest is not None, "a gallery has at least one image"
    return np.sort(best, axis=1), farthest


def _merge(best: IntArray, distances: NDArray[Any], first_place: int, k: int) -> IntArray:
    """Keep the k least of the candidates (Q, n) so far and of the distances (Q, B) of the next gallery images.

    A candidate is one number, distance above place, so that no two are equal and the order is complete. Distances
    are not negative, and the bits of such floats, read as integers, are in the order of the floats.
    """
    places = np.arange(first_place, first_place + distances.shape[1])
    merged = np.empty((len(best), min(k, best.shape[1] + distances.shape[1])), dtype=np.int64)

    def fill(rows: slice) -> None:
        fresh = distances[rows].view(np.int32).astype(np.int64) << PLACE_BITS | places
        candidates = np.concatenate([best[rows], fresh], axis=1)
        if candidates.shape[1] > k:
            candidates.partition(k - 1, axis=1)
        merged[rows] = candidates[:, :k]

    map_rows(fill, len(best), ROWS_AT_ONCE)
    return merged
