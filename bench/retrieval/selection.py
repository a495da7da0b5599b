"""The least distances of one query, in order: the one selection behind every search for nearest images.

Sorting all distances to keep a few of them wastes nearly all of the work. Here they are cut into groups; the k-th least
of the groups' minima bounds the k-th least distance from above, so that one more pass finds the few that can matter,
and only those are sorted.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.retrieval.ties import IntArray

GROUP = 64
"""Distances of one group, of which the minimum is taken."""
LEAST_GROUPS = 4
"""Groups for each distance wanted: with fewer, the bound lets too much through, and all are partitioned instead."""


@cache
def beyond(dtype: np.dtype[Any]) -> Any:
    """Value that stands for "not seen" among distances of a type: infinity, or the largest whole number."""
    return dtype.type(np.inf) if dtype.kind == "f" else np.iinfo(dtype).max


def candidates(distances: NDArray[Any], k: int, slack: float = 0.0) -> IntArray:
    """Images (P,), ascending, that may be among the k nearest by distances (G,): all up to the k-th least, and some.

    With ``slack``, all up to the k-th least times (1 + slack). What equals :func:`beyond` is not there.
    """
    bound = _bound(distances, k)
    far = beyond(distances.dtype)
    if bound == far:
        return (distances < far).nonzero()[0]
    return (distances <= (bound * distances.dtype.type(1 + slack) if slack else bound)).nonzero()[0]


def nearest_images(distances: NDArray[Any], k: int) -> tuple[IntArray, NDArray[Any]]:
    """Find the k nearest images by distances (G,), in order: indices (n,) and distances (n,), n at most k.

    Of equal distances the earlier image comes first. What equals :func:`beyond` is not there.
    """
    images = candidates(distances, k)
    values = distances[images]
    order = values.argsort(kind="stable")[:k]
    return images[order], values[order]


def _bound(distances: NDArray[Any], k: int) -> Any:
    """Give an upper bound of the k-th least of distances (G,)."""
    count = len(distances)
    if k >= count:
        return beyond(distances.dtype)
    groups = count // GROUP
    if groups < LEAST_GROUPS * k:
        return np.partition(distances, k - 1)[k - 1]
    # A group is every ``groups``-th distance: minima are then taken of whole stretches at once. The few at the end
    # that fill no group are groups of their own.
    whole = groups * GROUP
    minima = np.concatenate([distances[:whole].reshape(GROUP, groups).min(axis=0), distances[whole:]])
    return np.partition(minima, k - 1)[k - 1]
