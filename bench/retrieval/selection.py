"""The least values of every row, in order: the one selection behind every search for nearest images.

Sorting whole rows to keep a few values of each wastes nearly all of the work. Here a row is cut into groups; the k-th
least of the groups' minima bounds the k-th least value from above, so that one pass finds the few values that can
matter, and only those are sorted.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.retrieval.ties import IntArray

GROUP = 64
"""Values of one group, of which the minimum is taken."""
LEAST_GROUPS = 4
"""Groups for each value wanted: with fewer, the bound lets too much through, and rows are partitioned instead."""


def beyond(dtype: np.dtype[Any]) -> Any:
    """Value that stands for "not seen" in distances of a type: infinity, or the largest whole number."""
    return dtype.type(np.inf) if dtype.kind == "f" else np.iinfo(dtype).max


def least_candidates(values: NDArray[Any], k: int, slack: float = 0.0) -> tuple[IntArray, IntArray]:
    """Rows (P,) and columns (P,), row by row, of all values (R, G) that may be among the k least of their row.

    Every value up to the k-th least times (1 + ``slack``) is a candidate, and a few others may be. What equals
    :func:`beyond` never is.
    """
    bound = _bound(values, k)
    if slack:
        bound = bound * values.dtype.type(1 + slack)
    far = beyond(values.dtype)
    last = np.nextafter(far, values.dtype.type(0)) if values.dtype.kind == "f" else far - 1
    inside = values <= np.minimum(bound, last)[:, None]
    rows, columns = np.divmod(np.flatnonzero(inside), values.shape[1])
    return rows, columns


def first_of_rows(
    rows: IntArray, columns: IntArray, values: NDArray[Any], num_rows: int, k: int
) -> tuple[IntArray, NDArray[Any]]:
    """Columns (R, k) and values (R, k) of the k least candidates of R rows, ascending; of equal values, the first.

    Candidates (P,) come row by row, columns ascending. Rows with fewer than k end with columns of −1 and values of
    :func:`beyond`. Values are not negative and take four bytes.
    """
    # The bits of floats that are not negative, read as whole numbers, are in the order of the floats.
    keys = rows.astype(np.uint64) << np.uint64(32) | values.view(np.uint32)
    order = np.argsort(keys, kind="stable")
    starts = np.searchsorted(rows, np.arange(num_rows + 1))
    wanted = starts[:-1, None] + np.arange(k)
    there = wanted < starts[1:, None]
    found = np.full((num_rows, k), -1, dtype=np.int64)
    least = np.full((num_rows, k), beyond(values.dtype), dtype=values.dtype)
    chosen = order[wanted[there]]
    found[there], least[there] = columns[chosen], values[chosen]
    return found, least


def least_of_rows(values: NDArray[Any], k: int) -> tuple[IntArray, NDArray[Any]]:
    """Columns (R, k) and values (R, k) of the k least values (R, G) of each row, as :func:`first_of_rows` has them."""
    rows, columns = least_candidates(values, k)
    return first_of_rows(rows, columns, values[rows, columns], len(values), k)


def _bound(values: NDArray[Any], k: int) -> NDArray[Any]:
    """Give an upper bound (R,) of the k-th least value of each row."""
    num_rows, width = values.shape
    if k >= width:
        return np.full(num_rows, beyond(values.dtype))
    groups = width // GROUP
    if groups < LEAST_GROUPS * k:
        bound: NDArray[Any] = np.partition(values, k - 1, axis=1)[:, k - 1]
        return bound
    # A group is every ``groups``-th value: the minimum is then taken of whole stretches at once.
    whole = groups * GROUP
    minima = np.concatenate([values[:, :whole].reshape(num_rows, GROUP, groups).min(axis=1), values[:, whole:]], axis=1)
    bound = np.partition(minima, k - 1, axis=1)[:, k - 1]
    return bound
