"""Statistics of a dataset: images, identities, cameras and image sizes of each split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.data.dataset import DISTRACTOR, JUNK, ImageSample, ReidDataset
from bench.data.image_size import Size


@dataclass(frozen=True)
class Spread:
    """Minimum, median and maximum of some numbers."""

    least: int
    median: float
    greatest: int

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Spread | None:
        """Spread of the numbers; None where there are none."""
        values = sorted(numbers)
        return cls(values[0], median(values), values[-1]) if values else None


@dataclass(frozen=True)
class SplitStatistics:
    """Counts of one split. ``identities`` are real identities; ``distractors`` and ``junk`` count images."""

    name: str
    images: int
    identities: int
    cameras: int
    distractors: int
    junk: int
    images_per_identity: Spread | None
    images_per_camera: Mapping[int, int]
    identities_per_cameras: Mapping[int, int]
    """Number of identities seen by one camera, by two, …"""
    heights: Spread | None
    widths: Spread | None
    usual_size: Size | None
    """The most frequent size."""
    unreadable: int
    """Images whose size cannot be read."""


def dataset_statistics(dataset: ReidDataset, sizes: Mapping[Path, Size | None]) -> tuple[SplitStatistics, ...]:
    """Statistics of the training, query and gallery images, and of query and gallery together as ``test``."""
    parts = {
        "training": dataset.train,
        "query": dataset.query,
        "gallery": dataset.gallery,
        "test": tuple(dict.fromkeys((*dataset.query, *dataset.gallery))),
    }
    return tuple(_split_statistics(name, samples, sizes) for name, samples in parts.items())


def _split_statistics(name: str, samples: Sequence[ImageSample], sizes: Mapping[Path, Size | None]) -> SplitStatistics:
    people = [sample for sample in samples if sample.pid > DISTRACTOR]
    cameras_of: dict[int, set[int]] = {}
    for sample in people:
        cameras_of.setdefault(sample.pid, set()).add(sample.camid)
    known = [size for sample in samples if (size := sizes[sample.path])]
    per_camera = Counter(sample.camid for sample in samples)
    per_cameras = Counter(len(cameras) for cameras in cameras_of.values())
    return SplitStatistics(
        name=name,
        images=len(samples),
        identities=len(cameras_of),
        cameras=len(per_camera),
        distractors=sum(sample.pid == DISTRACTOR for sample in samples),
        junk=sum(sample.pid == JUNK for sample in samples),
        images_per_identity=Spread.of(Counter(sample.pid for sample in people).values()),
        images_per_camera=dict(sorted(per_camera.items())),
        identities_per_cameras=dict(sorted(per_cameras.items())),
        heights=Spread.of(height for height, _ in known),
        widths=Spread.of(width for _, width in known),
        usual_size=Counter(known).most_common(1)[0][0] if known else None,
        unreadable=len(samples) - len(known),
    )
