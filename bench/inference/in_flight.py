"""Signals of a batch while it is on its way: filled exit by exit, nothing of later exits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.retrieval.table import NEIGHBOURS, FirstExitFeatures, FloatArray, IntArray, Signals

if TYPE_CHECKING:
    from bench.retrieval.neighbours import VisibleNeighbours


class InFlight:
    """Signals (n, S) of n queries. What has not been looked at is as in an empty gallery: infinite, −1, NaN."""

    def __init__(self, camids: IntArray, dims: IntArray, classes: int = 0) -> None:
        shape = (len(camids), len(dims))
        self.camids, self.dims, self.classes = camids, dims, classes
        self.distances = np.full((*shape, NEIGHBOURS), np.inf)
        self.indices = np.full((*shape, NEIGHBOURS), -1, dtype=np.int64)
        self.pids = np.full((*shape, NEIGHBOURS), -1, dtype=np.int64)
        self.margin = np.full(shape, np.inf)
        self.previous = np.full(shape, np.inf)
        self.entropy = np.full(shape, np.nan)
        self.query_features: NDArray[np.float16] | None = None
        self.gallery_features: NDArray[np.float16] | None = None

    def see(self, exit_index: int, rows: IntArray, seen: VisibleNeighbours, pids: IntArray) -> None:
        """Note what queries ``rows`` (k,) found at an exit, in a gallery of identities ``pids`` (G,)."""
        at = (rows, exit_index)
        self.distances[at], self.indices[at] = seen.distances, seen.indices
        self.pids[at] = np.where(seen.indices >= 0, pids[seen.indices], -1)
        self.margin[at], self.previous[at] = seen.identity_margin, seen.previous_identity_distance

    def classify(self, exit_index: int, rows: IntArray, entropy: FloatArray) -> None:
        """Note the entropies (k,) of the classifier at an exit."""
        self.entropy[rows, exit_index] = entropy

    def read(self, rows: IntArray, query: NDArray[np.float16], gallery: NDArray[np.float16]) -> None:
        """Note the first exit's features of queries ``rows`` (k,), (k, F), and of the gallery (G, F)."""
        if self.query_features is None:
            self.query_features = np.empty((len(self.camids), query.shape[1]), dtype=query.dtype)
        self.query_features[rows] = query
        self.gallery_features = gallery

    def nearest(self, exit_index: int, rows: IntArray) -> IntArray:
        """Nearest gallery image (k,) of queries at an exit; −1 where none was in sight."""
        return self.indices[rows, exit_index, 0]

    def signals(self, rows: IntArray) -> Signals:
        """Give the signals of queries ``rows`` (k,)."""
        features = None
        if self.query_features is not None and self.gallery_features is not None:
            features = FirstExitFeatures(self.query_features[rows], self.gallery_features)
        return Signals(
            nearest_distances=self.distances[rows],
            nearest_indices=self.indices[rows],
            nearest_pids=self.pids[rows],
            identity_margin=self.margin[rows],
            previous_identity_distance=self.previous[rows],
            query_camids=self.camids[rows],
            dims=self.dims,
            class_entropy=self.entropy[rows],
            classes=self.classes,
            features=features,
        )
