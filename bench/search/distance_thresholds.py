"""Thresholds of Hamming distance, fitted on held-out identities: near enough to be compared again by a longer code.

Distance threshold optimisation of CtF (Wang et al., ECCV 2020, and the public code, wangguanan/light-reid). One normal
distribution stands for the distances of matches, one for those of all pairs. With R and A their shares within a
threshold, recall is R and precision R / (R + A), and the threshold has the greatest F-score

    F_β = (1 + β²) · R / (β² + R + A).

As in the public code, matches weigh as much as all pairs together, however few they are. That code fits curves to the
histograms, and to those of the test labels; here the distributions have the moments of held-out identities.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.retrieval.blocks import row_slices
from bench.retrieval.hamming import PackedGallery
from bench.retrieval.labels import JUNK_PID, same_view, views
from bench.retrieval.table import FloatArray, IntArray

BETA = 2.0
"""The paper's: to keep a match counts for more than to drop what is none."""
QUERY_ROWS = 256
"""Queries compared at once."""


def distance_counts(
    query: NDArray[np.uint8],
    gallery: NDArray[np.uint8],
    query_labels: tuple[IntArray, IntArray],
    gallery_labels: tuple[IntArray, IntArray],
    length: int,
) -> tuple[IntArray, IntArray]:
    """Count pairs at every distance from 0 to ``length``: matches (length + 1,), and all pairs that are ranked.

    Labels are identities and cameras. A match shows the query's identity in another camera; images of its identity in
    its own camera, and of identity −1, are junk and counted nowhere.
    """
    (query_pids, query_camids), (pids, camids) = query_labels, gallery_labels
    index = PackedGallery(gallery)
    matches, everything = np.zeros((2, length + 1), dtype=np.int64)
    for rows in row_slices(len(query), QUERY_ROWS):
        distances = index.distances(query[rows])
        same = query_pids[rows, None] == pids
        elsewhere = ~same_view(views(query_camids)[rows, None], views(camids))
        matches += np.bincount(distances[same & elsewhere], minlength=length + 1)
        ranked = (elsewhere | ~same) & (pids != JUNK_PID)
        everything += np.bincount(distances[ranked], minlength=length + 1)
    return matches, everything


def f_beta_threshold(matches: IntArray, everything: IntArray, beta: float) -> int:
    """Find the distance up to which images are compared again, out of the counts of :func:`distance_counts`.

    Raises :class:`BenchError` where β is not above 0, or no pair matches.
    """
    if not beta > 0:
        raise BenchError(f"β of the F-score is above 0, not {beta:g}")
    if not matches.sum():
        raise BenchError("no held-out pair matches: thresholds of distance need identities seen by two cameras")
    recall, kept = _normal_shares(matches), _normal_shares(everything)
    scores = (1 + beta**2) * recall / (beta**2 + recall + kept)
    return int(scores.argmax())


def _normal_shares(counts: IntArray) -> FloatArray:
    """Share (D,) of a normal distribution within each distance, of the moments of counts (D,) of distances."""
    distances = np.arange(len(counts))
    mean = np.average(distances, weights=counts)
    # Distances are whole numbers: what has no spread has that of rounding.
    deviation = max(math.sqrt(np.average((distances - mean) ** 2, weights=counts)), math.sqrt(1 / 12))
    return np.array([0.5 * math.erfc((mean - distance) / (deviation * math.sqrt(2))) for distance in distances])
