"""Same person or not: how often pairs of images are accepted, truly and falsely, at every distance that matters.

A pair is a query and a gallery image. It is genuine where both show one person in two cameras, and an impostor where
they show two people. Pairs of one person in one camera, and gallery images of identity −1, are junk and count for
nothing, as in ranking.

Between two distances of genuine pairs the true-accept rate stands still. So the whole curve is known from counts of
impostors at the genuine pairs' distances, and memory holds no more than these and one block of distances.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError
from bench.retrieval.blocks import row_slices
from bench.retrieval.hamming import PackedGallery
from bench.retrieval.labels import JUNK_PID, label_pair, same_view, views
from bench.retrieval.matching import FloatGallery
from bench.retrieval.table import FloatArray, IntArray

BLOCK_VALUES = 1 << 23
"""Distances held at once (32 MiB)."""


@dataclass(frozen=True)
class AcceptedPairs:
    """Genuine pairs (P,) in ascending order of distance, and how many impostors are as near.

    A pair is accepted at a distance where its own is not larger.
    """

    distances: FloatArray
    """(P,) distances of the genuine pairs: bits, or Euclidean."""
    rows: IntArray
    """(P,) which query each of them is of."""
    below: IntArray
    """(P,) impostor pairs that are nearer than the genuine pair."""
    within: IntArray
    """(P,) impostor pairs that are as near or nearer."""
    impostors: int
    """All impostor pairs."""

    @property
    def true_accept_rates(self) -> FloatArray:
        """(P,) fraction of genuine pairs accepted at each distance."""
        accepted = np.searchsorted(self.distances, self.distances, side="right")
        return accepted / len(self.distances)

    @property
    def false_accept_rates(self) -> FloatArray:
        """(P,) fraction of impostor pairs accepted at each distance."""
        return self.within / self.impostors

    @property
    def area(self) -> float:
        """Area under the ROC curve: how likely a genuine pair is nearer than an impostor; equal ones count as half."""
        farther = self.impostors - (self.below + self.within) / 2
        return float(farther.mean() / self.impostors)

    @property
    def equal_error_rate(self) -> float:
        """Rate at which as many genuine pairs are refused as impostors accepted, on straight lines between points."""
        before = np.searchsorted(self.distances, self.distances, side="left") / len(self.distances)
        false = np.stack([self.below / self.impostors, self.false_accept_rates], axis=1).ravel()
        true = np.stack([before, self.true_accept_rates], axis=1).ravel()
        false, true = np.concatenate([[0.0], false, [1.0]]), np.concatenate([[0.0], true, [1.0]])
        after = int(np.argmax(false + true >= 1))
        if after == 0:
            return 0.0
        start, end = false[after - 1] + true[after - 1], false[after] + true[after]
        share = (1 - start) / (end - start)
        return float(false[after - 1] + share * (false[after] - false[after - 1]))

    def at(self, false_accept_rate: float) -> tuple[float, float | None]:
        """True-accept rate, and the distance, at the most lenient threshold that keeps to a false-accept rate.

        The distance is that of the last genuine pair that is accepted; None where none can be.
        """
        kept = int(np.searchsorted(self.false_accept_rates, false_accept_rate, side="right"))
        if kept == 0:
            return 0.0, None
        return float(self.true_accept_rates[kept - 1]), float(self.distances[kept - 1])


def accepted_pairs(
    query: ArrayLike,
    gallery: ArrayLike,
    query_pids: ArrayLike,
    query_camids: ArrayLike,
    gallery_pids: ArrayLike,
    gallery_camids: ArrayLike,
    *,
    block_values: int = BLOCK_VALUES,
) -> AcceptedPairs:
    """Compare queries (Q, …) with the gallery (G, …) at one exit, packed codes or floats, pair by pair.

    Exact, by two passes over blocks of distances: the genuine pairs', then the impostors' counted against them. Raises
    BenchError where there is no pair of either kind.
    """
    queries, images = np.asarray(query), np.asarray(gallery)
    pids, camids = label_pair(query_pids, query_camids, "query")
    others, other_camids = label_pair(gallery_pids, gallery_camids, "gallery")
    camids, other_camids = views(camids), views(other_camids)
    index = PackedGallery(images) if images.dtype == np.uint8 else FloatGallery(images)
    rows_at_once = max(1, block_values // max(1, len(others)))

    def blocks() -> Iterator[tuple[slice, NDArray[Any], NDArray[np.bool_], NDArray[np.bool_]]]:
        for rows in row_slices(len(pids), rows_at_once):
            same = pids[rows, None] == others[None, :]
            seen = (others != JUNK_PID)[None, :] & (pids[rows] != JUNK_PID)[:, None]
            genuine = same & seen & (~same_view(camids[rows, None], other_camids[None, :]))
            yield rows, index.distances(queries[rows]), genuine, seen & ~same

    found, owners, impostors = [], [], 0
    for rows, distances, genuine, different in blocks():
        found.append(distances[genuine])
        owners.append(np.nonzero(genuine)[0] + rows.start)
        impostors += int(different.sum())
    genuine_distances, of_rows = np.concatenate(found), np.concatenate(owners)
    if not len(genuine_distances) or not impostors:
        what = "two people" if len(genuine_distances) else "one person in two cameras"
        raise BenchError(f"verification compares pairs of images, and there is no pair of {what}")
    order = np.argsort(genuine_distances, kind="stable")
    genuine_distances, of_rows = genuine_distances[order], of_rows[order]
    below, within = _counted(genuine_distances, (distances[different] for _, distances, _, different in blocks()))
    return AcceptedPairs(genuine_distances.astype(np.float64), of_rows, below, within, impostors)


def _counted(genuine: NDArray[Any], impostors: Iterator[NDArray[Any]]) -> tuple[IntArray, IntArray]:
    """Count impostors nearer than each genuine distance (P,), ascending, and those as near or nearer."""
    distinct, places = np.unique(genuine, return_inverse=True)
    below, within = np.zeros(len(distinct), dtype=np.int64), np.zeros(len(distinct), dtype=np.int64)
    for part in impostors:
        ordered = np.sort(part)
        below += np.searchsorted(ordered, distinct, side="left")
        within += np.searchsorted(ordered, distinct, side="right")
    return below[places], within[places]
