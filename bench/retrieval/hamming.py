"""Hamming distances between packed codes, by the fastest way that this machine has."""

from __future__ import annotations

import re
import sys
from functools import cached_property
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError
from bench.retrieval.blocks import map_rows, row_slices
from bench.retrieval.codes import unpack

QUERY_ROWS = 32
"""Queries compared at once by one thread."""
PAIRS = 1 << 18
"""Pairs that NumPy compares at once: two megabytes of words."""
GALLERY_ROWS = 8192
"""Gallery images that torch compares at once."""
WORDS_A_BYTE = 3
"""Counts of 64-bit words that a byte can add up."""
FEW_QUERIES = 3
"""Up to so many queries, faiss and even NumPy are faster than NumKong, whose kernels take four at a time."""
SHORT_BYTES = 64
"""Up to so many bytes a code, faiss is faster than NumKong for any number of queries (``benchmarks/retrieval.py``)."""

OLDEST_FAISS = (1, 11)
"""Version 1.9 and 1.10 end the process in its Hamming kernel, or give distances that are none."""


def hamming(query: ArrayLike, gallery: ArrayLike, device: str | None = None) -> NDArray[np.int32]:
    """Count differing bits (Q, G) between packed codes (Q, W) and (G, W) of :func:`bench.retrieval.codes.pack`.

    Exclusive or and a population count, by NumKong's kernels where that library is installed (about twice as fast)
    and by NumPy's elsewhere; for a few queries, and for short codes, by faiss's, where that is installed. A torch
    ``device``, such as ``cuda``, takes the product of the ±1 codes instead. All are exact.
    """
    if device is None:
        return PackedGallery(gallery).distances(query)
    return _multiply_signs(_codes(query, "query"), _codes(gallery, "gallery"), device)


class PackedGallery:
    """Gallery codes (G, W), laid out once for any number of searches."""

    def __init__(self, codes: ArrayLike) -> None:
        self.codes = _codes(codes, "gallery")

    def distances(self, query: ArrayLike) -> NDArray[np.int32]:
        """Count differing bits (Q, G) from packed codes (Q, W), exactly."""
        queries = _codes(query, "query")
        _require_one_length(queries, self.codes)
        if 0 in (*queries.shape, *self.codes.shape):
            return np.zeros((len(queries), len(self.codes)), dtype=np.int32)
        best_by_faiss = len(queries) <= FEW_QUERIES or queries.shape[1] <= SHORT_BYTES
        if best_by_faiss and self._faiss is not None:
            return _count_by_faiss(_whole_words(queries), self._for_faiss, self._faiss)
        if len(queries) > FEW_QUERIES and self._numkong is not None:
            return _count_by_numkong(queries, self._for_numkong, len(self.codes), self._numkong)
        return _count_by_numpy(queries, self._columns)

    @cached_property
    def _faiss(self) -> ModuleType | None:
        return load_faiss()

    @cached_property
    def _numkong(self) -> ModuleType | None:
        return load_numkong()

    @cached_property
    def _columns(self) -> NDArray[np.uint64]:
        """The codes as words (words, G): the inner loop runs along the gallery."""
        return np.ascontiguousarray(_words(self.codes).T)

    @cached_property
    def _for_faiss(self) -> NDArray[np.uint8]:
        return _whole_words(self.codes)

    @cached_property
    def _for_numkong(self) -> Any:
        assert self._numkong is not None, "asked for only where the library is"
        return self._numkong.hammings_pack(self.codes, dtype="uint1")


def load_numkong() -> ModuleType | None:
    """Load NumKong if it is installed, and new enough: processors without its wheels go without it."""
    try:
        numkong = import_module("numkong")
    except ImportError:
        return None
    return numkong if hasattr(numkong, "hammings_packed") else None


def load_faiss() -> ModuleType | None:
    """Load faiss if it is there and new enough, on Linux: elsewhere its threads and those of torch do not get on."""
    if sys.platform != "linux":
        return None
    try:
        faiss = import_module("faiss")
    except ImportError:
        return None
    return faiss if is_new_enough(faiss) else None


def is_new_enough(faiss: ModuleType) -> bool:
    """Whether faiss is of :data:`OLDEST_FAISS` or newer."""
    return tuple(map(int, re.findall(r"\d+", faiss.__version__)[:2])) >= OLDEST_FAISS


def _count_by_faiss(queries: NDArray[np.uint8], images: NDArray[np.uint8], faiss: ModuleType) -> NDArray[np.int32]:
    """Distances (Q, G) between codes (Q, W) and (G, W) by faiss's kernel, which lets go of the interpreter lock.

    Before 1.15 it takes no other codes than of whole 64-bit words.
    """
    distances = np.empty((len(queries), len(images)), dtype=np.int32)

    def fill(rows: slice) -> None:
        given, found = queries[rows], distances[rows]
        faiss.hammings(
            faiss.swig_ptr(given), faiss.swig_ptr(images), *found.shape, images.shape[1], faiss.swig_ptr(found)
        )

    map_rows(fill, len(queries), QUERY_ROWS)
    return distances


def _count_by_numkong(
    queries: NDArray[np.uint8], packed: Any, num_images: int, numkong: ModuleType
) -> NDArray[np.int32]:
    """Distances (Q, G) from codes (Q, W) by NumKong's kernels, which let go of the interpreter lock."""
    if len(queries) <= QUERY_ROWS:
        return np.asarray(numkong.hammings_packed(queries, packed)).view(np.int32)
    distances = np.empty((len(queries), num_images), dtype=np.int32)

    def fill(rows: slice) -> None:
        distances[rows] = numkong.hammings_packed(queries[rows], packed)

    map_rows(fill, len(queries), QUERY_ROWS)
    return distances


def _count_by_numpy(queries: NDArray[np.uint8], columns: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Distances (Q, G) from codes (Q, W) and columns (words, G) by NumPy alone.

    Counts are added up in bytes as far as those go, because adding bytes to wider numbers costs as much as counting.
    """
    query_words = _words(queries)
    distances = np.zeros((len(queries), columns.shape[1]), dtype=np.int32)

    def fill(rows: slice) -> None:
        images_at_once = PAIRS // (rows.stop - rows.start)
        shape = (rows.stop - rows.start, min(images_at_once, columns.shape[1]))
        differing = np.empty(shape, dtype=np.uint64)
        counts, sums = np.empty((2, *shape), dtype=np.uint8)
        for part in row_slices(columns.shape[1], images_at_once):
            total = distances[rows, part]
            here = (slice(None), slice(total.shape[1]))
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
    return distances


def _multiply_signs(queries: NDArray[np.uint8], images: NDArray[np.uint8], device: str) -> NDArray[np.int32]:
    """Distances (Q, G) as (bits − q·g) / 2 over the ±1 codes; floats are exact up to 2²⁴ bits."""
    import torch  # what has no device of torch's to use should not wait for it

    _require_one_length(queries, images)
    distances = np.zeros((len(queries), len(images)), dtype=np.int32)
    bits = 8 * queries.shape[1]
    signs = torch.from_numpy(unpack(queries, bits)).to(device, torch.float32)
    for part in row_slices(len(images), GALLERY_ROWS):
        block = torch.from_numpy(unpack(images[part], bits)).to(device, torch.float32)
        distances[:, part] = ((bits - signs @ block.T) / 2).int().cpu().numpy()
    return distances


def _require_one_length(queries: NDArray[np.uint8], images: NDArray[np.uint8]) -> None:
    if queries.shape[1] != images.shape[1]:
        raise BenchError(
            f"query and gallery codes must have one length; found {queries.shape[1]} bytes a query "
            f"and {images.shape[1]} bytes a gallery image"
        )


def _codes(codes: ArrayLike, role: str) -> NDArray[np.uint8]:
    """Check packed codes (N, W)."""
    values = np.asarray(codes)
    if values.ndim != 2 or values.dtype != np.uint8:
        raise BenchError(
            f"{role} codes must be packed bytes, uint8 (N, ceil(bits/8)); found {values.dtype} {values.shape}. "
            "Pack codes of +1 and -1 with bench.retrieval.codes.pack."
        )
    return np.ascontiguousarray(values)


def _whole_words(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fill packed codes (N, W) up to whole 64-bit words, with zeros, where they are none."""
    return _words(codes).view(np.uint8) if codes.shape[1] % 8 else codes


def _words(codes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """View packed codes (N, W) as 64-bit words (N, ceil(W/8)), zeros in the bits beyond."""
    padded = np.zeros((codes.shape[0], -(-codes.shape[1] // 8) * 8), dtype=np.uint8)
    padded[:, : codes.shape[1]] = codes
    return padded.view(np.uint64)
