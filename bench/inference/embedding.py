"""Codes of a folder of images, at one exit or each at the exit where it leaves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.data.dataset import ImageSample
from bench.data.images import open_store
from bench.data.make_manifest import find_photographs
from bench.device import DeviceImages, open_device
from bench.errors import BenchError
from bench.exits import ExitSpec
from bench.files import write_arrays
from bench.inference.answers import Answers
from bench.inference.engine import Engine
from bench.inference.export.trained import TrainedRun, weights_sha256
from bench.inference.inputs import NO_CAMERA, Inputs
from bench.progress import SILENT, Reporter
from bench.retrieval.embed import embed_images
from bench.retrieval.table import IntArray


@dataclass(frozen=True)
class ImageCodes:
    """N images: their names, the exit that each left at, and at each exit the codes of those that left there."""

    names: tuple[str, ...]
    exits: IntArray
    """(N,) index of the exit, from 0."""
    codes: tuple[NDArray[Any], ...]
    """One array an exit, in the order of the names; packed bits, uint8, where the exit is binary."""
    specs: tuple[ExitSpec, ...]


def embed_folder(
    trained: TrainedRun,
    folder: Path,
    exit_index: int,
    cache: Path,
    device: str = "auto",
    reporter: Reporter = SILENT,
) -> ImageCodes:
    """Run a network on all images below a folder, to one exit and no further.

    Raises :class:`BenchError` where there is no image or no such exit, or an image is damaged.
    """
    specs = trained.network.exits
    if not 0 <= exit_index < len(specs):
        raise BenchError(f"--exit is a number from 1 to {len(specs)} for this network, found {exit_index + 1}")
    names = find_photographs(folder)
    samples = [ImageSample(folder / name, 0, NO_CAMERA) for name in names]
    store = open_store(samples, trained.stored_size, cache / "images", reporter)
    fabric = open_device(device, trained.spec["precision"])
    network = fabric.to_device(trained.network).to(memory_format=torch.channels_last)
    rows = store.indices(samples)
    embedded = embed_images(
        network,
        DeviceImages(store, fabric, trained.input_size),
        rows,
        fabric,
        num_exits=exit_index + 1,
        reporter=reporter,
    )[exit_index]
    exits = np.full(len(names), exit_index, dtype=np.int64)
    codes = tuple(embedded if index == exit_index else embedded[:0, :0] for index in range(len(specs)))
    return ImageCodes(tuple(names), exits, codes, specs)


def embed_within_budget(
    engine: Engine, folder: Path, stored: tuple[int, int], size: tuple[int, int], batch: int
) -> ImageCodes:
    """Let an engine decide for each image below a folder where it leaves, ``batch`` at a time.

    Images are resized to ``stored`` and cut to ``size`` (height, width), and are of no known camera. Raises
    :class:`BenchError` where there is no image, or one is damaged.
    """
    names = find_photographs(folder)
    inputs = Inputs.of_files([folder / name for name in names], stored, size)
    engine.restart()
    parts = []
    for first in range(0, len(inputs), batch):
        rows = np.arange(first, min(first + batch, len(inputs)))
        parts.append(engine.answer(inputs.prepared(rows), inputs.camids[rows], rows))
    answers = Answers.joined(parts)
    return ImageCodes(tuple(names), answers.exits, answers.codes, tuple(engine.exits))


def save_codes(path: Path, codes: ImageCodes, trained: TrainedRun, decided: dict[str, Any] | None = None) -> None:
    """Write names, exits and codes as ``.npz``, with a JSON text ``about`` that says which network they are of.

    ``decided`` is how exits were chosen, where a policy chose them. Raises BenchError where it cannot be written.
    """
    about = {
        "run": trained.key,
        "network": weights_sha256(trained.network),
        "exits": [asdict(spec) for spec in codes.specs],
        "decided": decided,
    }
    arrays: dict[str, Any] = {
        "names": np.array(codes.names),
        "exits": codes.exits,
        "about": np.array(json.dumps(about, sort_keys=True)),
    }
    arrays |= {f"codes.{index}": values for index, values in enumerate(codes.codes) if len(values)}
    try:
        write_arrays(path, arrays)
    except OSError as problem:
        raise BenchError(f"cannot write {path} ({problem.strerror or problem}); choose another --out") from problem


def left_at(codes: ImageCodes) -> Sequence[int]:
    """Count the images that left at each exit."""
    return np.bincount(codes.exits, minlength=len(codes.specs)).tolist()
