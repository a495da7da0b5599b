"""Distances between queries and gallery: Hamming on packed codes, Euclidean on embeddings."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError
from bench.retrieval.blocks import map_rows, row_slices
from bench.retrieval.codes import unpack

QUERY_ROWS = 32
"""Queries compared at once by one thread."""
GALLERY_ROWS = 8192
"""Gallery images compared at once: with ``QUERY_ROWS``, two megabytes of words."""
WORDS_A_BYTE = 3
"""Counts of 64-bit words that a byte can add up."""
BLOCK_VALUES = 1 << 22
"""Values of gallery embeddings, or of squared distances, held in double precision at once (32 MiB)."""
NEAR = 1e-7
"""Squared distances below this share of the squared lengths are computed again from the difference."""
DIFFERENCE_VALUES = 1 << 21
"""Values of pairwise differences held at once, which bounds the memory of that second computation."""


def hamming(query: ArrayLike, gallery: ArrayLike, device: str | None = None) -> NDArray[np.int32]:
    """Count differing bits (Q, G) between packed codes (Q, W) and (G, W) of :func:`bench.retrieval.codes.pack`.

    Exclusive or and a population count, by NumKong's kernels where that library is installed (about twice as fast)
    and by NumPy's elsewhere. A torch ``device``, such as ``cuda``, takes the product of the ±1 codes instead. All
    three are exact.
    """
    queries, images = _codes(query, "query"), _codes(gallery, "gallery")
    if queries.shape[1] != images.shape[1]:
        raise BenchError(
            f"query and gallery codes must have one length; found {queries.shape[1]} bytes a query "
            f"and {images.shape[1]} bytes a gallery image"
        )
    distances = np.zeros((len(queries), len(images)), dtype=np.int32)
    if 0 in (*queries.shape, *images.shape):
        return distances
    numkong = _numkong()
    if device is not None:
        _multiply_signs(queries, images, distances, device)
    elif numkong is not None:
        _count_by_numkong(queries, images, distances, numkong)
    else:
        _count_by_numpy(queries, images, distances)
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


def _numkong() -> ModuleType | None:
    """Load NumKong if it is installed, and new enough: it is optional."""
    try:
        numkong = import_module("numkong")
    except ImportError:
        return None
    return numkong if hasattr(numkong, "hammings_packed") else None


def _count_by_numkong(
    queries: NDArray[np.uint8], images: NDArray[np.uint8], distances: NDArray[np.int32], numkong: ModuleType
) -> None:
    """Fill distances (Q, G) from codes (Q, W) and (G, W) by NumKong's kernels, which let go of the interpreter lock."""
    packed = numkong.hammings_pack(images, dtype="uint1")

    def fill(rows: slice) -> None:
        distances[rows] = numkong.hammings_packed(queries[rows], packed)

    map_rows(fill, len(queries), QUERY_ROWS)


def _count_by_numpy(queries: NDArray[np.uint8], images: NDArray[np.uint8], distances: NDArray[np.int32]) -> None:
    """Fill distances (Q, G), zero at first, from codes (Q, W) and (G, W) by NumPy alone.

    Counts are added up in bytes as far as those go, because adding bytes to wider numbers costs as much as counting.
    """
    query_words = _words(queries)
    columns = np.ascontiguousarray(_words(images).T)  # (words, G): the inner loop runs along the gallery

    def fill(rows: slice) -> None:
        differing = np.empty((QUERY_ROWS, GALLERY_ROWS), dtype=np.uint64)
        counts, sums = np.empty((2, QUERY_ROWS, GALLERY_ROWS), dtype=np.uint8)
        for part in row_slices(len(images), GALLERY_ROWS):
            total = distances[rows, part]
            here = (slice(total.shape[0]), slice(total.shape[1]))
            for words in row_slices(len(columns), WORDS_A_BYTE):
                for index, (word, column) in enumerate(
                    zip(query_words[rows, words].T, columns[words, part], strict=True)
                ):
                    np.bitwise_xor(word[:, None], column[None, :], out=differing[here])
                    np.bitwise_count(differing[here], out=(counts if index else sums)[here])
                    if index:
                        np.add(sums[here], counts[here], out=sums[here])
                np.add(total, sums[here], out=total)

    map_rows(fill, len(queries), QUERY_ROWS)


def _multiply_signs(
    queries: NDArray[np.uint8], images: NDArray[np.uint8], distances: NDArray[np.int32], device: str
) -> None:
    """Fill distances (Q, G) with (bits − q·g) / 2 over the ±1 codes; floats are exact up to 2²⁴ bits."""
    import torch  # what has no device of torch's to use should not wait for it

    bits = 8 * queries.shape[1]
    signs = torch.from_numpy(unpack(queries, bits)).to(device, torch.float32)
    for part in row_slices(len(images), GALLERY_ROWS):
        block = torch.from_numpy(unpack(images[part], bits)).to(device, torch.float32)
        distances[:, part] = ((bits - signs @ block.T) / 2).int().cpu().numpy()


def _codes(codes: ArrayLike, role: str) -> NDArray[np.uint8]:
    """Check packed codes (N, W)."""
    values = np.asarray(codes)
    if values.ndim != 2 or values.dtype != np.uint8:
        raise BenchError(
            f"{role} codes must be packed bytes, uint8 (N, ceil(bits/8)); found {values.dtype} {values.shape}. "
            "Pack codes of +1 and -1 with bench.retrieval.codes.pack."
        )
    return np.ascontiguousarray(values)


def _words(codes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """View packed codes (N, W) as 64-bit words (N, ceil(W/8)), zeros in the places beyond."""
    padded = np.zeros((codes.shape[0], -(-codes.shape[1] // 8) * 8), dtype=np.uint8)
    padded[:, : codes.shape[1]] = codes
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
