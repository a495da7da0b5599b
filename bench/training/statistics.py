"""What a run's training leaves for policies to learn from: retrieval history and first-exit features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.retrieval.neighbours import GalleryIndex
from bench.retrieval.table import IntArray

NEIGHBOURS = 4
"""How many nearest images ETS reads beside the query (HashReID, section 3.4)."""


def nearest_in_other_cameras(codes: NDArray[Any], camids: IntArray) -> IntArray:
    """Indices (N, NEIGHBOURS) of the nearest among N images for each of them, images of its own camera left out.

    Codes are packed bits, uint8 (N, bytes), or floats (N, dim). −1 where other cameras have fewer images; of equal
    distances the earlier image comes first. As in a test, where a query's own camera is left out.
    """
    nobody = np.zeros_like(camids)  # identities matter to margins alone, which nobody asks for here
    return GalleryIndex(codes, nobody, camids).search(codes, camids=camids, k=NEIGHBOURS).indices
