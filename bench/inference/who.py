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
from bench.inference.answers import Answers
from bench.inference.inputs import Inputs
from bench.retrieval.table import NEIGHBOURS

if TYPE_CHECKING:
    from bench.inference.engine import Engine
    from bench.running.context import RunContext

SHEET_HEIGHT = 128


@dataclass(frozen=True)
class Found:
    """A gallery image: its name there, whom it shows, and how far it is."""

    name: str
    pid: int
    distance: float


@dataclass(frozen=True)
class Sighting:
    """One image and its answer: the exit, and the gallery images found there, nearest first."""

    image: Path
    exit: str
    found: tuple[Found, ...]
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
    gallery = engine.gallery
    names = [spec.name for spec in engine.exits]
    return [
        Sighting(
            image=path,
            exit=names[answers.exits[row]],
            found=tuple(
                Found(gallery.names[index], int(gallery.pids[index]), float(distance))
                for index, distance in zip(answers.indices[row], answers.distances[row], strict=True)
                if index >= 0
            ),
            macs=float(answers.macs[row]),
            milliseconds=float(answers.milliseconds[row]),
        )
        for row, path in enumerate(paths)
    ]


def write_sheet(sightings: Sequence[Sighting], path: Path, height: int = SHEET_HEIGHT) -> None:
    """Draw a row for each image: itself, a gap, and what was found, nearest first; ``height`` pixels high.

    What was found must be of a gallery that names its images by their files, as a run's own does.
    """
    width = height // 2
    columns = 1 + NEIGHBOURS
    sheet = Image.new("RGB", (columns * (width + GAP) + 3 * GAP, len(sightings) * (height + GAP) - GAP), GROUND)
    for row, sighting in enumerate(sightings):
        for column, image in enumerate((sighting.image, *(Path(one.name) for one in sighting.found))):
            pixels, _ = decode_image(image, height, width)
            left = column * (width + GAP) + (4 * GAP if column else 0)
            sheet.paste(Image.fromarray(pixels.transpose(1, 2, 0)), (left, row * (height + GAP)))
    save_sheet(sheet, path)
