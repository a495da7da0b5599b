"""Who is this? Images from a folder, each answered with the gallery images it is nearest to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from bench.data.contact_sheet import GAP, GROUND, save_sheet
from bench.data.images import decode_image
from bench.data.make_manifest import find_photographs
from bench.data.tracklets import entries
from bench.inference.engine import Answers
from bench.inference.inputs import Inputs
from bench.retrieval.table import NEIGHBOURS

if TYPE_CHECKING:
    from bench.data.dataset import ImageSample
    from bench.inference.engine import Engine
    from bench.running.stages import RunContext

SHEET_HEIGHT = 128


@dataclass(frozen=True)
class Sighting:
    """One image and its answer: the exit, and the gallery images found there, nearest first, with their distances."""

    image: Path
    exit: str
    found: tuple[ImageSample, ...]
    distances: tuple[float, ...]
    macs: float
    milliseconds: float


def who_is_this(engine: Engine, context: RunContext, folder: Path, batch: int) -> list[Sighting]:
    """Ask an engine about all images below a folder, ``batch`` at a time; they are resized as the run's recipe has it.

    They are of no known camera, so the whole gallery is looked at. Raises :class:`BenchError` where the folder has no
    image, or one is damaged.
    """
    paths = [folder / name for name in find_photographs(folder)]
    recipe = context.spec.recipe
    inputs = Inputs.of_files(paths, recipe.stored_size, recipe.input_size)
    engine.restart()
    parts = []
    for first in range(0, len(inputs), batch):
        rows = np.arange(first, min(first + batch, len(inputs)))
        parts.append(engine.answer(inputs.prepared(rows), inputs.camids[rows], rows))
    answers = Answers.joined(parts)
    gallery = entries(context.stores.gallery.samples)
    names = [spec.name for spec in engine.exits]
    return [
        Sighting(
            image=path,
            exit=names[answers.exits[row]],
            found=tuple(gallery[index] for index in answers.indices[row] if index >= 0),
            distances=tuple(float(value) for value in answers.distances[row] if np.isfinite(value)),
            macs=float(answers.macs[row]),
            milliseconds=float(answers.milliseconds[row]),
        )
        for row, path in enumerate(paths)
    ]


def write_sheet(sightings: Sequence[Sighting], path: Path, height: int = SHEET_HEIGHT) -> None:
    """Draw a row for each image: itself, a gap, and what was found, nearest first; ``height`` pixels high."""
    width = height // 2
    columns = 1 + NEIGHBOURS
    sheet = Image.new("RGB", (columns * (width + GAP) + 3 * GAP, len(sightings) * (height + GAP) - GAP), GROUND)
    for row, sighting in enumerate(sightings):
        for column, image in enumerate((sighting.image, *(sample.path for sample in sighting.found))):
            pixels, _ = decode_image(image, height, width)
            left = column * (width + GAP) + (4 * GAP if column else 0)
            sheet.paste(Image.fromarray(pixels.transpose(1, 2, 0)), (left, row * (height + GAP)))
    save_sheet(sheet, path)
