"""Coarse-to-fine search (Wang et al., Faster Person Re-Identification, ECCV 2020): an early exit of gallery images.

Every query is compared with the whole gallery by the shortest code. Images within a threshold are compared again by the
next code and put in its order, and so on to the longest. What was dropped on the way stays behind, in the order of the
last code that it was compared by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError
from bench.retrieval.blocks import map_rows
from bench.retrieval.codes import packed_width
from bench.retrieval.hamming import PackedGallery, hamming

IntArray = NDArray[np.int64]
QUERY_ROWS = 16
"""Queries that one thread searches for at once."""


@dataclass(frozen=True)
class CoarseToFine:
    """What a search of Q queries over L codes found."""

    order: NDArray[np.int32]
    """(Q, G) whole numbers that rank the gallery, smaller first: those that are equal were never told apart."""
    compared: IntArray
    """(Q, L) gallery images compared by each code, the shortest code first."""


class CoarseToFineIndex:
    """Codes of L lengths of one gallery, the shortest first, and the thresholds (L − 1) between them."""

    def __init__(self, galleries: Sequence[ArrayLike], lengths: Sequence[int], thresholds: Sequence[int]) -> None:
        """Check codes, packed uint8 (G, ceil(length/8)) each.

        Raises :class:`BenchError` where lengths do not rise, or there is not one gallery a length and one threshold
        between two.
        """
        self.lengths, self.thresholds = tuple(lengths), tuple(int(threshold) for threshold in thresholds)
        self.codes = [np.ascontiguousarray(gallery) for gallery in galleries]
        if list(self.lengths) != sorted(set(self.lengths)) or not self.lengths:
            raise BenchError(f"code lengths must rise from the coarsest to the finest, found {list(self.lengths)}")
        if len(self.codes) != len(self.lengths) or len(self.thresholds) != len(self.lengths) - 1:
            raise BenchError(
                f"a search over {len(self.lengths)} code lengths needs as many galleries and one threshold fewer; "
                f"found {len(self.codes)} and {len(self.thresholds)}"
            )
        _check(self.codes, self.lengths, "gallery")
        self._coarse = PackedGallery(self.codes[0])
        # An image that was compared by a longer code comes before all that were not.
        self._behind = [sum(length + 1 for length in self.lengths[level + 1 :]) for level in range(len(self.lengths))]

    def search(self, queries: Sequence[ArrayLike]) -> CoarseToFine:
        """Search for Q queries, packed codes (Q, W) of every length.

        Raises :class:`BenchError` where they do not fit the gallery's.
        """
        codes = [np.ascontiguousarray(query) for query in queries]
        _check(codes, self.lengths, "query")
        order = np.empty((len(codes[0]), len(self.codes[0])), dtype=np.int32)
        compared = np.zeros((len(order), len(self.lengths)), dtype=np.int64)

        everybody, last = np.arange(len(self.codes[0])), len(self.lengths) - 1

        def fill(rows: slice) -> None:
            for row, distances in enumerate(self._coarse.distances(codes[0][rows]), rows.start):
                near = everybody
                for level in range(len(self.lengths)):
                    if level:
                        distances = hamming(codes[level][row : row + 1], self.codes[level][near])[0]
                    order[row, near] = distances + self._behind[level]
                    compared[row, level] = len(near)
                    if level < last:
                        near = near[distances <= self.thresholds[level]]
                    if not len(near):
                        break

        map_rows(fill, len(order), QUERY_ROWS)
        return CoarseToFine(order, compared)


def _check(codes: Sequence[NDArray[np.uint8]], lengths: Sequence[int], role: str) -> None:
    if len(codes) != len(lengths):
        raise BenchError(f"{role} codes must be of all {len(lengths)} lengths, the shortest first; found {len(codes)}")
    for values, length in zip(codes, lengths, strict=True):
        if values.ndim != 2 or values.dtype != np.uint8 or values.shape[1] != packed_width(length):
            raise BenchError(
                f"{role} codes of {length} bits must be packed bytes, uint8 (N, {packed_width(length)}); found "
                f"{values.dtype} {values.shape}"
            )
        if len(values) != len(codes[0]):
            raise BenchError(
                f"{role} codes must be of the same images in all lengths; found {len(codes[0]):,} of {lengths[0]} bits "
                f"and {len(values):,} of {length}"
            )
        # Such bits would count in distances, and images dropped by one code could come before those of the next.
        if length % 8 and (values[:, -1] & (0xFF >> length % 8)).any():
            raise BenchError(
                f"{role} codes of {length} bits have bits set beyond these: pack them with bench.retrieval.codes.pack"
            )
