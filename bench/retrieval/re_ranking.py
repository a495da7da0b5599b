"""k-reciprocal re-ranking (Zhong et al., "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017).

Where implementations disagree, this follows the authors' Matlab code:

- An image is its own first neighbour, so neighbour lists hold k + 1 images. Among duplicates too, it comes first.
- d(p, g) is the squared Euclidean distance over the greatest of p's to any image, p's side alone. Between ±1 codes that
  is the Hamming distance over the greatest Hamming distance, as the square is four times the bits.
- Half of an odd k1 is rounded down (some Python versions round it to an even number).
- A neighbour's half-size set joins if more than two thirds of it lie in R(p, k1) as it was before any joined; just
  two thirds, which the paper's formula lets in, are too few.
- Weights are divided by their sum before Jaccard distances are taken, which the paper's text leaves out.
- Local query expansion averages over k2 images, the image itself among them; k2 = 1 leaves it out.

The lists of queries see each other, so this is no step of one query's search: its cost belongs on a line of its own.
Images of identity −1 take part if they are passed in, as in the official Matlab kit; the Python versions drop them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from bench.errors import BenchError
from bench.retrieval.blocks import map_rows, row_slices
from bench.retrieval.matching import distances_between
from bench.retrieval.ties import FloatArray, IntArray
from bench.retrieval.top_k import top_k

IMAGES_AT_ONCE = 4096
"""Images whose sets are expanded at once."""
PAIR_VALUES = 1 << 22
"""Values of paired embeddings compared at once."""
ROWS_AT_ONCE = 16
"""Queries whose Jaccard distances one thread computes at once."""
BLOCK_BYTES = 64 << 20
"""Bytes of final distances that :meth:`ReRanking.blocks` gives at once."""


@dataclass(frozen=True)
class ReRanking:
    """Re-ranked distances from Q queries to G gallery images, computed a block at a time."""

    query: NDArray[Any]
    """(Q, D) embeddings."""
    gallery: NDArray[Any]
    """(G, D) embeddings."""
    original_share: float
    """λ of section 3.5."""
    farthest_squares: FloatArray
    """(Q + G,) squared distance from each image to the farthest; 1 where that is 0."""
    encodings: Any
    """(Q + G, Q + G) sparse rows, V of section 3.4 after query expansion: queries first, some hundred entries a row."""

    def block(self, rows: slice) -> FloatArray:
        """Final distances (rows, G), section 3.5: λ d + (1 − λ) (Jaccard distance)."""
        original = _squares(distances_between(self.query[rows], self.gallery))
        original *= self.original_share / self.farthest_squares[: len(self.query)][rows, None]
        final = self._jaccard(rows)
        final *= 1 - self.original_share
        final += original
        return final

    def blocks(self) -> Iterator[tuple[slice, FloatArray]]:
        """Yield rows and their final distances (rows, G), for :func:`bench.retrieval.metrics.score_blocks`.

        Works in some five times ``BLOCK_BYTES``.
        """
        for rows in row_slices(len(self.query), max(1, BLOCK_BYTES // (8 * len(self.gallery)))):
            yield rows, self.block(rows)

    def _jaccard(self, rows: slice) -> FloatArray:
        """Jaccard distances (rows, G), section 3.3: encodings add up to 1, so 1 − Σ min / (2 − Σ min)."""
        encodings = self.encodings[: len(self.query)][rows]
        by_image = self.encodings[len(self.query) :].T.tocsr()  # (Q + G, G): who has this image in its encoding
        shared = np.empty((encodings.shape[0], len(self.gallery)))

        def fill(part: slice) -> None:
            some = encodings[part].tocoo()
            counts = np.diff(by_image.indptr)[some.col]
            first = by_image.indptr[:-1][some.col] - (np.cumsum(counts) - counts)
            entries = np.arange(counts.sum()) + np.repeat(first, counts)
            least = np.minimum(np.repeat(some.data, counts), by_image.data[entries])
            cells = np.repeat(some.row.astype(np.int64) * len(self.gallery), counts) + by_image.indices[entries]
            shared[part] = np.bincount(cells, least, minlength=shared[part].size).reshape(shared[part].shape)

        map_rows(fill, len(shared), ROWS_AT_ONCE)
        shared /= 2.0 - shared
        return np.subtract(1.0, shared, out=shared)


def re_rank(
    query: ArrayLike, gallery: ArrayLike, *, k1: int = 20, k2: int = 6, original_share: float = 0.3
) -> ReRanking:
    """Encode queries (Q, D) and gallery (G, D), packed codes (uint8) or floats, by their k-reciprocal neighbours.

    Memory grows with Q + G: k1 + 1 neighbours and some hundred entries of encoding an image, beside the blocks of
    distances that :func:`bench.retrieval.top_k.top_k` works in. Raises :class:`BenchError` for values of ``k1``, ``k2``
    or ``original_share`` out of range.
    """
    if k1 < 1 or k2 < 1 or k2 > k1 + 1 or not 0 <= original_share <= 1:
        raise BenchError(
            "re-ranking needs k1 of 1 or more, k2 from 1 to k1 + 1 and a share of the original distance from 0 to 1; "
            f"found k1 = {k1}, k2 = {k2}, original_share = {original_share}"
        )
    queries, images = np.asarray(query), np.asarray(gallery)
    distances_between(queries[:1], images[:1])  # refuses what cannot be compared
    everything = np.concatenate([queries, images])
    nearest = top_k(everything, everything, k1 + 1)
    neighbours = _own_first(nearest.indices)
    farthest_squares = _squares(nearest.farthest)
    farthest_squares[farthest_squares == 0] = 1.0
    weights = _encode(everything, neighbours, farthest_squares, k1)
    closest = neighbours[:, :k2]
    encodings = (_indicator(closest) / closest.shape[1]) @ weights
    return ReRanking(queries, images, original_share, farthest_squares, encodings.tocsr())


def _own_first(neighbours: IntArray) -> IntArray:
    """Put each image first in its list (N, k), even where earlier duplicates have pushed it back or out."""
    own = np.arange(len(neighbours))
    ordered = np.take_along_axis(neighbours, np.argsort(neighbours != own[:, None], axis=1, kind="stable"), axis=1)
    out = ordered[:, 0] != own
    ordered[out, 1:] = ordered[out, :-1]
    ordered[out, 0] = own[out]
    return ordered


def _encode(embeddings: NDArray[Any], neighbours: IntArray, farthest_squares: FloatArray, k1: int) -> Any:
    """Sparse encodings (N, N) over the expanded sets R* (sections 3.2 and 3.3), each row adding up to 1."""
    first_sets = _reciprocal(neighbours)
    half_sets = _reciprocal(neighbours[:, : k1 // 2 + 1])
    half_sizes = np.diff(half_sets.indptr)
    blocks = []
    for rows in row_slices(len(embeddings), IMAGES_AT_ONCE):
        first = first_sets[rows]
        joining = (first @ half_sets).multiply(first).tocsr()  # shared members; half sets are symmetric
        joining.data = (3 * joining.data > 2 * half_sizes[joining.indices]).astype(np.int32)
        expanded = (first + joining @ half_sets).tocoo()
        members = expanded.data > 0
        image, member = expanded.row[members], expanded.col[members]
        squares = _pair_squares(embeddings, image + rows.start, member) / farthest_squares[image + rows.start]
        weight = np.exp(-squares)
        weight /= np.bincount(image, weight)[image]
        blocks.append(sparse.csr_array((weight, (image, member)), shape=first.shape))
    return sparse.vstack(blocks, format="csr")


def _reciprocal(neighbours: IntArray) -> Any:
    """Sparse sets (N, N) of section 3.2: who is in the list of whom, both ways, from lists (N, k)."""
    near = _indicator(neighbours)
    return near.multiply(near.T).tocsr()


def _indicator(neighbours: IntArray) -> Any:
    """Sparse (N, N) with 1 where a list (N, k) holds the image."""
    count, length = neighbours.shape
    ones = np.ones(neighbours.size, dtype=np.int32)
    return sparse.csr_array((ones, neighbours.ravel(), np.arange(0, neighbours.size + 1, length)), shape=(count, count))


def _squares(distances: NDArray[Any]) -> FloatArray:
    """Squares of Euclidean distances, any shape; of Hamming distances themselves, up to a factor."""
    values = distances.astype(np.float64)
    return values if distances.dtype.kind == "i" else np.square(values, out=values)


def _pair_squares(embeddings: NDArray[Any], first: IntArray, second: IntArray) -> FloatArray:
    """:func:`_squares` of the distances of pairs (P,) of embeddings (N, D)."""
    squares = np.empty(len(first))
    for pairs in row_slices(len(first), max(1, PAIR_VALUES // max(1, embeddings.shape[1]))):
        one, other = embeddings[first[pairs]], embeddings[second[pairs]]
        if embeddings.dtype == np.uint8:
            squares[pairs] = np.bitwise_count(one ^ other).sum(axis=1)
        else:
            difference = one.astype(np.float64) - other
            squares[pairs] = np.einsum("pd,pd->p", difference, difference)
    return squares
