"""The nearest training images of every training image, which ETS reads beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.retrieval.neighbours import GalleryIndex
from bench.retrieval.table import IntArray

NEIGHBOURS = 4
"""Number of nearest images that ETS reads beside the query (HashReID, section 3.4)."""


def nearest_in_other_cameras(codes: NDArray[Any], camids: IntArray) -> IntArray:
    """Indices (N, NEIGHBOURS) of the nearest among N images for each of them, without images of its own camera.

    Codes are packed bits, uint8 (N, bytes), or floats (N, dim). Missing neighbours are −1; of equal distances the
    earlier image comes first. A test also leaves out images of the query's own camera.
    """
    pids = np.zeros_like(camids)  # identities are used for margins alone, which are not needed here
    return GalleryIndex(codes, pids, camids).search(codes, camids=camids, k=NEIGHBOURS).indices
