"""Enrol images into a gallery: find them with their identities and cameras, and embed them at every exit."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from bench import registry
from bench.cost.macs import exit_macs
from bench.data.dataset import DatasetRequest, ImageSample
from bench.data.images import open_store
from bench.data.make_manifest import SHOWN, find_photographs
from bench.data.name_pattern import name_pattern
from bench.device import DeviceImages, open_device
from bench.errors import BenchError
from bench.inference.export.trained import TrainedRun, weights_sha256
from bench.inference.gallery import Gallery, GalleryExit
from bench.networks import MultiExitNetwork
from bench.progress import SILENT, Reporter
from bench.retrieval.embed import Embeddings, embed_first_exit, embed_images
from bench.retrieval.table import IntArray

DIGITS = 18
"""Of identities and cameras: what 64 bits hold, as in a manifest."""
WHOLE = re.compile(rf"-?[0-9]{{1,{DIGITS}}}")
MARKET_NAMES = r"(?P<pid>-?[0-9]+)_c(?P<camid>[0-9]+).*"
"""File names of Market-1501 and of the rendered set: 0002_c1s1_000451_03.jpg."""


@dataclass(frozen=True)
class NamedImages:
    """Images to enrol: samples (G,), and the names (G,) that they are kept and removed by."""

    samples: tuple[ImageSample, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Enrolled:
    """What was embedded, and what that took: the network's multiply-adds for an image, and seconds of embedding."""

    gallery: Gallery
    image_macs: int
    seconds: float

    @property
    def macs(self) -> int:
        """Multiply-adds spent on all images."""
        return self.image_macs * len(self.gallery)


def images_of_folder(
    folder: Path, pattern: str = MARKET_NAMES, pid: int | None = None, camid: int | None = None
) -> NamedImages:
    """Find all images below a folder; identities and cameras are given for all, or read off the names.

    Raises :class:`BenchError` where a name does not fit the pattern, or one of them is no whole number that is kept.
    """
    understood = name_pattern(pattern)
    samples, names, unmatched = [], [], []
    for path in find_photographs(folder):
        read = understood.read(path)
        if read is None and (pid is None or camid is None):
            unmatched.append(path)
            continue
        person, camera = read or ("", "")
        samples.append(
            ImageSample(
                folder / path,
                _whole(person if pid is None else str(pid), "identity", path),
                _whole(camera if camid is None else str(camid), "camera", path),
            )
        )
        names.append(f"{folder.resolve().name}/{path}")
    if unmatched:
        raise BenchError(
            f"{len(unmatched)} of {len(samples) + len(unmatched)} names do not tell identity and camera by the pattern "
            f"'{pattern}', such as {', '.join(unmatched[:SHOWN])}; give another --pattern, or --pid and --camid"
        )
    return NamedImages(tuple(samples), tuple(names))


def images_of_split(
    reader: str, request: DatasetRequest, split: str, expected: str | None = None, reporter: Reporter = SILENT
) -> NamedImages:
    """List the images of a split, ``train``, ``query`` or ``gallery``, of what a dataset's reader finds.

    Raises :class:`BenchError` where a dataset of a certain name is expected and another one found.
    """
    found = registry.dataset(reader).open(request, reporter)
    if expected is not None and found.name != expected:
        raise BenchError(
            f"the run is of {expected}, found {found.name}: give the options that the run had (--data, --data-root), "
            f"or take this one on purpose with --dataset {reader}"
        )
    samples: tuple[ImageSample, ...] = getattr(found, split)
    return NamedImages(samples, tuple(sample.path.relative_to(found.root).as_posix() for sample in samples))


def enrol(
    trained: TrainedRun,
    images: NamedImages,
    cache: Path,
    device: str = "auto",
    *,
    features: bool = False,
    reporter: Reporter = SILENT,
) -> Enrolled:
    """Embed images at every exit of a run's network, in the precision that the run was evaluated in.

    ``features`` keeps those of the first exit too, by a second run to that exit. Raises :class:`BenchError` where the
    network gives none.
    """
    if features and type(trained.network).first_features is MultiExitNetwork.first_features:
        raise BenchError(f"the first exit of {trained.spec['method']} has no features that a policy reads")
    fabric = open_device(device, trained.spec["precision"])
    macs = int(exit_macs(trained.network, trained.input_size)[-1])
    store = open_store(images.samples, trained.stored_size, cache / "images", reporter)
    started = time.perf_counter()
    network = fabric.to_device(trained.network).to(memory_format=torch.channels_last)
    placed, every = DeviceImages(store, fabric, trained.input_size), np.arange(len(images.samples))
    codes = embed_images(network, placed, every, fabric, title="embedding gallery images", reporter=reporter)
    gallery = gallery_of(trained.key, trained.network, codes, images)
    if features:
        first = embed_first_exit(network, placed, every, fabric, title="first exit's features", reporter=reporter)[1]
        gallery = replace(gallery, features=first)
    return Enrolled(gallery, macs, time.perf_counter() - started)


def gallery_of(run: str, network: MultiExitNetwork, codes: Embeddings, images: NamedImages) -> Gallery:
    """Put together the gallery of ``images`` (G,) from what a run's network made of them at each exit."""
    return Gallery(
        run=run,
        network=weights_sha256(network),
        exits=tuple(GalleryExit(spec.name, spec.dim, spec.code) for spec in network.exits),
        codes=tuple(codes),
        pids=_labels(images.samples, "pid"),
        camids=_labels(images.samples, "camid"),
        names=images.names,
    )


def _labels(samples: Sequence[ImageSample], name: str) -> IntArray:
    return np.array([getattr(sample, name) for sample in samples], dtype=np.int64)


def _whole(text: str, what: str, path: str) -> int:
    # Python's own numbers have underscores too: 1_2 would be 12, whom another name shows.
    if not WHOLE.fullmatch(text):
        raise BenchError(
            f"{path}: the {what} must be a whole number of up to {DIGITS} digits, found {text!r}; give another "
            "--pattern, or --pid and --camid"
        )
    return int(text)
