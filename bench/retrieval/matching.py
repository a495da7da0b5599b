"""Distances between queries and gallery: Hamming on packed codes, Euclidean on embeddings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError
from bench.retrieval.blocks import row_slices
from bench.retrieval.hamming import hamming

BLOCK_VALUES = 1 << 22
"""Values of gallery embeddings, or of squared distances, held in double precision at once (32 MiB)."""
QUERY_ROWS = 256
"""Queries compared at once."""
NEAR = 1e-7
"""Squared distances below this share of the squared lengths are computed again from the difference."""
DIFFERENCE_VALUES = 1 << 21
"""Values of pairwise differences held at once, which bounds the memory of that second computation."""


@dataclass(frozen=True)
class _Block:
    """Gallery images ``part`` in double precision, (B, D), and their squared lengths (B,)."""

    part: slice
    images: NDArray[np.float64]
    squares: NDArray[np.float64]


class FloatGallery:
    """Gallery embeddings (G, D), laid out once for any number of searches: twice their size in double precision."""

    def __init__(self, embeddings: ArrayLike) -> None:
        self.codes = _embeddings(embeddings, "gallery")
        self._blocks = list(_blocks(self.codes))

    def distances(self, query: ArrayLike) -> NDArray[np.float32]:
        """Euclidean distances (Q, G) from embeddings (Q, D), as :func:`euclidean` has them."""
        return _distances(query, self.codes, self._blocks)

    @staticmethod
    def slack(dim: int) -> float:
        """Bound how far two distances of :func:`euclidean` may be out of order, as a share of either.

        The product over ``dim`` dimensions is off by less than ``dim`` roundings of the squared lengths. A squared
        distance is at least the share ``NEAR`` of these. Half of that is the share of the distance, and two of them
        compare.
        """
        return 4 * (dim + 2) * float(np.finfo(np.float64).eps) / NEAR + 4 * float(np.finfo(np.float32).eps)


def euclidean(query: ArrayLike, gallery: ArrayLike) -> NDArray[np.float32]:
    """Euclidean distances (Q, G), not squared, between embeddings (Q, D) and (G, D).

    |q|² + |g|² − 2 q·g in double precision. That sum loses all its digits where two embeddings all but coincide,
    so such pairs are computed again from their difference: equal embeddings are at distance 0 exactly.
    """
    images = _embeddings(gallery, "gallery")
    return _distances(query, images, _blocks(images))


def pair_distances(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float32]:
    """Euclidean distances (P,) of pairs of embeddings (P, D), or of one (D,) and each of the others.

    From the differences in double precision, each pair by itself: its distance depends on no other pair, as
    distances by products of matrices do in their last bit.
    """
    distances = np.empty(len(other), dtype=np.float32)
    for few in row_slices(len(other), max(1, DIFFERENCE_VALUES // max(1, other.shape[1]))):
        difference = (one[few] if one.ndim > 1 else one).astype(np.float64) - other[few]
        distances[few] = np.sqrt(np.einsum("pd,pd->p", difference, difference))
    return distances


def _blocks(images: NDArray[np.floating]) -> Iterator[_Block]:
    """Cut a gallery (G, D) into blocks in double precision."""
    for part in row_slices(len(images), max(1, BLOCK_VALUES // max(QUERY_ROWS, images.shape[1]))):
        block = images[part].astype(np.float64)
        yield _Block(part, block, np.einsum("gd,gd->g", block, block))


def _distances(query: ArrayLike, gallery: NDArray[np.floating], blocks: Iterable[_Block]) -> NDArray[np.float32]:
    """Distances (Q, G) between embeddings (Q, D) and the blocks of a gallery (G, D)."""
    embeddings = _embeddings(query, "query")
    if embeddings.shape[1] != gallery.shape[1]:
        raise BenchError(
            f"query and gallery embeddings must have one length; found {embeddings.shape[1]} and {gallery.shape[1]}"
        )
    distances = np.empty((len(embeddings), len(gallery)), dtype=np.float32)
    doubles = embeddings.astype(np.float64)
    query_squares = np.einsum("qd,qd->q", doubles, doubles)
    for block in blocks:
        for rows in row_slices(len(doubles), QUERY_ROWS):
            queries = doubles[rows]
            lengths = query_squares[rows, None] + block.squares[None, :]
            squares = lengths - 2.0 * (queries @ block.images.T)
            near_query, near_gallery = np.nonzero(squares <= NEAR * lengths)
            distances[rows, block.part] = np.sqrt(np.maximum(squares, 0, out=squares))
            if len(near_query):
                near = pair_distances(embeddings[rows][near_query], gallery[block.part][near_gallery])
                distances[rows, block.part][near_query, near_gallery] = near
    return distances


def distances_between(query: ArrayLike, gallery: ArrayLike) -> NDArray[np.int32] | NDArray[np.float32]:
    """Distances (Q, G): Hamming between packed codes, which are uint8, and Euclidean between floats.

    Raises :class:`BenchError` where one is packed and the other is not.
    """
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
