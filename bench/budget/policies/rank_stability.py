"""Rank stability: a query whose nearest images stay the same from exit to exit leaves early."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.budget.policy import Policy, squashed

if TYPE_CHECKING:
    from bench.retrieval.table import FloatArray, IntArray, Signals

FINEST = 1 / 300
"""Average overlaps to depth five differ by a multiple of 1/5 of 1/60, if at all: less than that orders equal ones."""


def rank_stability(signals: Signals, generator: np.random.Generator) -> FloatArray:
    """Take the average overlap of the nearest images here and at the exit before: (N, S).

    The retrieval form of patience (PABEE asks of consecutive classifiers that they agree). The average overlap is the
    mean, over depths 1 to 5, of the share of images that both lists hold to that depth (Webber et al., "A similarity
    measure for indefinite rankings", 2010, section 2.4). Equal overlaps are ordered by gallery separability, and so is
    the first exit, which has nothing before it.
    """
    overlap = np.zeros(signals.identity_margin.shape)
    overlap[:, 1:] = average_overlap(signals.nearest_indices[:, 1:], signals.nearest_indices[:, :-1])
    return overlap + FINEST * squashed(signals.identity_margin)


def average_overlap(one: IntArray, other: IntArray) -> FloatArray:
    """Average overlap (…,) of two rankings of the same depth (…, k); −1 stands where there is no image."""
    same = (one[..., :, None] == other[..., None, :]) & (one[..., :, None] >= 0)
    depths = np.arange(1, one.shape[-1] + 1)
    # An image at ranks i and j is shared from depth max(i, j) on.
    deeper = np.maximum(depths[:, None], depths[None, :])
    shared = np.stack([(same & (deeper <= depth)).sum(axis=(-2, -1)) / depth for depth in depths], axis=-1)
    return shared.mean(axis=-1)


RANK_STABILITY = Policy(
    name="stability",
    summary="rank stability: the nearest images are those of the exit before",
    source="patience (Zhou et al., 'BERT loses patience', NeurIPS 2020), on rankings",
    confidence=rank_stability,
)
