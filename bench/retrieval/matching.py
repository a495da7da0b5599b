"""Distances between queries and gallery: Hamming on packed codes, Euclidean on embeddings."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError
from bench.retrieval.blocks import map_rows, row_slices

QUERY_ROWS = 16
"""Queries compared at once by one thread."""
GALLERY_ROWS = 4096
"""Gallery images compared at once: with ``QUERY_ROWS``, half a megabyte of words, which stays in the cache."""
BLOCK_VALUES = 1 << 24
"""Values of gallery embeddings held in double precision at once (128 MiB): BranchyNet's have 14,880 each."""
NEAR = 1e-7
"""Squared distances below this share of the squared lengths are computed again from the difference."""
DIFFERENCE_VALUES = 1 << 21
"""Values of pairwise differences held at once, which bounds the memory of that second computation."""


def hamming(query: ArrayLike, gallery: ArrayLike) -> NDArray[np.int32]:
    """Count differing bits (Q, G) between packed codes (Q, W) and (G, W) of :func:`bench.retrieval.codes.pack`.

    Exclusive or and a population count over 64-bit words. A float product of the ±1 codes takes as long for many
    queries, but has to unpack the whole gallery, to 32 times its size, for a single one.
    """
    query_words, gallery_words = _words(query, "query"), _words(gallery, "gallery")
    if np.shape(query)[1] != np.shape(gallery)[1]:
        raise BenchError(
            f"query and gallery codes must have one length; found {np.shape(query)[1]} bytes a query "
            f"and {np.shape(gallery)[1]} bytes a gallery image"
        )
    columns = np.ascontiguousarray(gallery_words.T)  # (words, G): the inner loop runs along the gallery
    distances = np.zeros((len(query_words), len(gallery_words)), dtype=np.int32)

    def fill(rows: slice) -> None:
        differing = np.empty((QUERY_ROWS, GALLERY_ROWS), dtype=np.uint64)
        counts = np.empty((QUERY_ROWS, GALLERY_ROWS), dtype=np.uint8)
        for part in row_slices(len(gallery_words), GALLERY_ROWS):
            total = distances[rows, part]
            here = (slice(total.shape[0]), slice(total.shape[1]))
            for word, column in zip(query_words[rows].T, columns[:, part], strict=True):
                np.bitwise_xor(word[:, None], column[None, :], out=differing[here])
                np.bitwise_count(differing[here], out=counts[here])
                total += counts[here]

    map_rows(fill, len(query_words), QUERY_ROWS)
    return distances


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
    for part in row_slices(len(images), min(GALLERY_ROWS, max(1, BLOCK_VALUES // max(1, images.shape[1])))):
        block = images[part].astype(np.float64)
        lengths = query_squares[:, None] + np.einsum("gd,gd->g", block, block)[None, :]
        squares = lengths - 2.0 * (queries @ block.T)
        near_query, near_gallery = np.nonzero(squares <= NEAR * lengths)
        for few in row_slices(len(near_query), max(1, DIFFERENCE_VALUES // max(1, queries.shape[1]))):
            difference = queries[near_query[few]] - block[near_gallery[few]]
            squares[near_query[few], near_gallery[few]] = np.einsum("pd,pd->p", difference, difference)
        distances[:, part] = np.sqrt(squares)
    return distances


def _words(codes: ArrayLike, role: str) -> NDArray[np.uint64]:
    """View packed codes (N, W) as 64-bit words (N, ceil(W/8)), zeros in the places beyond."""
    values = np.asarray(codes)
    if values.ndim != 2 or values.dtype != np.uint8:
        raise BenchError(
            f"{role} codes must be packed bytes, uint8 (N, ceil(bits/8)); found {values.dtype} {values.shape}. "
            "Pack codes of +1 and -1 with bench.retrieval.codes.pack."
        )
    padded = np.zeros((values.shape[0], -(-values.shape[1] // 8) * 8), dtype=np.uint8)
    padded[:, : values.shape[1]] = values
    return padded.view(np.uint64)


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
