"""What a run's training leaves for policies to learn from: retrieval history and first-exit features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.retrieval.hamming import hamming
from bench.retrieval.matching import euclidean
from bench.retrieval.table import IntArray

NEIGHBOURS = 4
"""How many nearest images ETS reads beside the query (HashReID, section 3.4)."""
BLOCK = 1024
"""Images matched at a time: bounds memory."""


def nearest_in_other_cameras(codes: NDArray[Any], camids: IntArray, *, binary: bool) -> IntArray:
    """Places (N, NEIGHBOURS) of the nearest among N images for each of them, images of its own camera left out.

    Codes are packed bits (N, bytes) where ``binary``, floats (N, dim) else. −1 where other cameras have fewer images;
    of equal distances the earlier image comes first. As in a test, where a query's own camera is left out.
    """
    nearest = np.full((len(codes), NEIGHBOURS), -1, dtype=np.int64)
    distance = hamming if binary else euclidean
    for first in range(0, len(codes), BLOCK):
        rows = slice(first, first + BLOCK)
        distances = np.where(camids[rows, None] != camids, distance(codes[rows], codes), np.inf)
        every = np.arange(len(distances))
        for place in range(min(NEIGHBOURS, len(codes))):
            found = distances.argmin(axis=1)
            seen = np.isfinite(distances[every, found])
            nearest[rows, place] = np.where(seen, found, -1)
            distances[every, found] = np.inf
    return nearest
