"""Tracklets: images of one short video of a person, which an evaluation ranks as one entry."""

from __future__ import annotations

from collections.abc import Sequence

from bench.data.dataset import ImageSample
from bench.errors import BenchError


def members(samples: Sequence[ImageSample]) -> list[list[int]]:
    """Indices into ``samples`` of each entry's images: one list for each tracklet, in order of first appearance.

    In a split without tracklets every image is an entry. Raises :class:`BenchError` where only some samples have a
    tracklet, or a tracklet shows two identities or cameras.
    """
    if all(sample.tracklet is None for sample in samples):
        return [[index] for index in range(len(samples))]
    indices: dict[int, list[int]] = {}
    for index, sample in enumerate(samples):
        if sample.tracklet is None:
            raise BenchError(
                f"{sample.path}: has no tracklet, though other images of its split have one; number all of them or none"
            )
        own = indices.setdefault(sample.tracklet, [])
        own.append(index)
        first = samples[own[0]]
        if (first.pid, first.camid) != (sample.pid, sample.camid):
            raise BenchError(
                f"{sample.path}: tracklet {sample.tracklet} must show one identity in one camera, found identity "
                f"{sample.pid} in camera {sample.camid} here, and {first.pid} in {first.camid} in {first.path}; "
                "give each tracklet a number of its own"
            )
    return list(indices.values())


def entries(samples: Sequence[ImageSample]) -> tuple[ImageSample, ...]:
    """Entries that an evaluation ranks: the first sample of each tracklet, or every image where there are none.

    Raises :class:`BenchError` as :func:`members` does.
    """
    return tuple(samples[indices[0]] for indices in members(samples))
