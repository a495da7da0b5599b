"""Pooling of the embeddings of image samples to those of tracklets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.data.dataset import ImageSample
from bench.data.tracklets import members
from bench.retrieval.embed import Embeddings


def pool_tracklets(embeddings: Embeddings, samples: Sequence[ImageSample]) -> Embeddings:
    """Pool embeddings of N samples, (N, ...) at each exit, into those of their T tracklets, (T, ...).

    A tracklet has the mean of its images' embeddings; a binary code is the sign of the mean: the majority of the
    images in every bit, and −1 where they are equally many, as :func:`bench.networks.sign` has it. Rows come in the
    order of :func:`bench.data.tracklets.entries`. Images without tracklets keep their embeddings.

    The cost of a query is counted for one image, for any number of samples: networks are compared at the cost of one
    image, and a system that embeds n images pays n times.
    """
    if all(sample.tracklet is None for sample in samples):
        return embeddings
    entries = members(samples)
    return [_pool(values, entries) for values in embeddings]


def _pool(values: NDArray, entries: Sequence[Sequence[int]]) -> NDArray:
    if values.dtype == np.uint8:
        return np.stack([_majority(values[indices]) for indices in entries])
    return np.stack([values[indices].mean(axis=0, dtype=np.float64).astype(values.dtype) for indices in entries])


def _majority(packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One code (bytes,) with the bits that more than half of the packed codes (n, bytes) have."""
    ones = np.unpackbits(packed, axis=1).sum(axis=0, dtype=np.int64)
    return np.packbits(2 * ones > len(packed))
