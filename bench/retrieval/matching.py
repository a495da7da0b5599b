"""Distances between queries and gallery: Hamming on packed codes, Euclidean on embeddings."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError
from bench.retrieval.blocks import row_slices
from bench.retrieval.hamming import hamming

BLOCK_VALUES = 1 << 22
"""Values of gallery embeddings, or of squared distances, held in double precision at once (32 MiB)."""
NEAR = 1e-7
"""Squared distances below this share of the squared lengths are computed again from the difference."""
DIFFERENCE_VALUES = 1 << 21
"""Values of pairwise differences held at once, which bounds the memory of that second computation."""


def euclidean(query: ArrayLike, gallery: ArrayLike) -> NDArray[np.float32]:
    """Euclidean distances (Q, G), not squared, between embeddings (Q, D) and (G, D).

    |q|² + |g|² − 2 q·g in double precision. That sum loses all its digits where two embeddings all but coincide,
    so such pairs are computed again from their difference: equal embeddings are at distance 0 exactly.
    """
    queries, images = _embeddings(query, "query"), _embeddings(gallery, "gallery")
    if queries.shape[1] != images.shape[1]:
        raise BenchError(
            f"query and gallery embeddings must have one length; found {queries.shape[1]} and {images.shape[1]}"
        )
    distances = np.empty((len(queries), len(images)), dtype=np.float32)
    queries = queries.astype(np.float64)
    query_squares = np.einsum("qd,qd->q", queries, queries)
    for part in row_slices(len(images), max(1, BLOCK_VALUES // max(1, len(queries), images.shape[1]))):
        block = images[part].astype(np.float64)
        lengths = query_squares[:, None] + np.einsum("gd,gd->g", block, block)[None, :]
        squares = lengths - 2.0 * (queries @ block.T)
        near_query, near_gallery = np.nonzero(squares <= NEAR * lengths)
        for few in row_slices(len(near_query), max(1, DIFFERENCE_VALUES // max(1, queries.shape[1]))):
            difference = queries[near_query[few]] - block[near_gallery[few]]
            squares[near_query[few], near_gallery[few]] = np.einsum("pd,pd->p", difference, difference)
        distances[:, part] = np.sqrt(squares)
    return distances


def distances_between(query: ArrayLike, gallery: ArrayLike) -> NDArray[np.int32] | NDArray[np.float32]:
    """Distances (Q, G): Hamming between packed codes, which are uint8, and Euclidean between floats."""
    queries, images = np.asarray(query), np.asarray(gallery)
    if (queries.dtype == np.uint8) != (images.dtype == np.uint8):
        raise BenchError(
            f"query and gallery must both be packed codes (uint8) or both be floats; found {queries.dtype} and "
            f"{images.dtype}"
        )
    return hamming(queries, images) if queries.dtype == np.uint8 else euclidean(queries, images)


def _embeddings(embeddings: ArrayLike, role: str) -> NDArray[np.floating]:
    """Check embeddings (N, D): floating, two axes, finite."""
    values = np.asarray(embeddings)
    if values.ndim != 2 or not np.issubdtype(values.dtype, np.floating):
        raise BenchError(f"{role} embeddings must be floats (N, D); found {values.dtype} {values.shape}")
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        raise BenchError(
            f"{role} embeddings must be finite; row {int(np.argmin(finite))} is the first of "
            f"{int((~finite).sum())} with NaN or infinity. The network has probably diverged: look at its loss."
        )
    return values
