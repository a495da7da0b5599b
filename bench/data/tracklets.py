"""Tracklets: frames of one short video of a person, which an evaluation takes as one entry."""

from __future__ import annotations

from collections.abc import Sequence

from bench.data.dataset import ImageSample
from bench.errors import BenchError


def members(frames: Sequence[ImageSample]) -> list[list[int]]:
    """Places in ``frames`` of each entry's images: a tracklet's frames together, in order of first appearance.

    Images of a split without tracklets are an entry each.
    """
    if all(frame.tracklet is None for frame in frames):
        return [[place] for place in range(len(frames))]
    places: dict[int, list[int]] = {}
    for place, frame in enumerate(frames):
        if frame.tracklet is None:
            raise BenchError(
                f"{frame.path}: has no tracklet, though other images of its split have one; number all of them or none"
            )
        own = places.setdefault(frame.tracklet, [])
        own.append(place)
        first = frames[own[0]]
        if (first.pid, first.camid) != (frame.pid, frame.camid):
            raise BenchError(
                f"{frame.path}: tracklet {frame.tracklet} must show one identity in one camera, found identity "
                f"{frame.pid} in camera {frame.camid} here, and {first.pid} in {first.camid} in {first.path}; "
                "number tracklets apart"
            )
    return list(places.values())


def entries(frames: Sequence[ImageSample]) -> tuple[ImageSample, ...]:
    """Give what an evaluation ranks: the first frame of each tracklet, or every image where there are none."""
    return tuple(frames[places[0]] for places in members(frames))
