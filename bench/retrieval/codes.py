"""How codes and features are kept: ±1 as one bit a dimension, features that a small classifier reads as half floats."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError


def packed_width(length: int) -> int:
    """Count the bytes of one packed code of ``length`` bits."""
    return (length + 7) // 8


def pack(signs: ArrayLike) -> NDArray[np.uint8]:
    """Pack codes (N, L) of ±1, or of booleans with True for +1, into bytes (N, ceil(L/8)).

    Dimension 0 is the highest bit of the first byte. Bits beyond L are zero in every code, so they add nothing to a
    Hamming distance. Raises :class:`BenchError` for another shape, and for values that are not ±1.
    """
    values = np.asarray(signs)
    if values.ndim != 2:
        raise BenchError(f"codes to pack must be (N, L), a row a code; found shape {values.shape}")
    if values.dtype == np.bool_:
        return np.packbits(values, axis=1)
    positive = values == 1
    wrong = ~(positive | (values == -1))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise BenchError(
            f"codes to pack hold +1 and -1 alone; found {values[row, column]} in row {row}, column {column} "
            f"({int(wrong.sum())} such values). Binarise first: +1 where the value is positive, -1 elsewhere."
        )
    return np.packbits(positive, axis=1)


def unpack(packed: ArrayLike, length: int) -> NDArray[np.int8]:
    """Unpack bytes (N, ceil(L/8)) into codes (N, L) of ±1, where L is ``length``.

    Raises :class:`BenchError` for another type or shape.
    """
    values = np.asarray(packed)
    if values.ndim != 2 or values.dtype != np.uint8 or values.shape[1] != packed_width(length):
        raise BenchError(
            f"packed codes of {length} bits must be uint8 (N, {packed_width(length)}); "
            f"found {values.dtype} {values.shape}"
        )
    bits = np.unpackbits(values, axis=1, count=length).astype(np.int8)
    return 2 * bits - 1


def half_precision(features: ArrayLike) -> NDArray[np.float16]:
    """Round features to half precision; what is beyond ±65,504, its greatest number, is brought to that.

    A network that has hardly been trained may have such features. As infinities they would make a classifier's means
    and scales, and so all its decisions, NaN.
    """
    limit = float(np.finfo(np.float16).max)
    return np.clip(np.asarray(features), -limit, limit).astype(np.float16)
