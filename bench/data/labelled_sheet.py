"""A labelled sheet: one row for each identity, one column for each camera, and one image in each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench.data.contact_sheet import GROUND, save_sheet
from bench.data.dataset import DISTRACTOR, ImageSample
from bench.data.image_size import image_size
from bench.data.images import decode_image
from bench.errors import BenchError

HEIGHT = 128
"""Pixels of an image's height; images that would be wider than WIDEST are lower."""
WIDEST = 192
"""Greatest width of an image, in pixels."""
GAP = 6
"""Pixels between images, and around labels."""
LETTER = 14
"""Pixels of a label's height."""
INK = (40, 40, 40)
PAPER = (255, 255, 255)

SampleGrid = Mapping[int, Mapping[int, ImageSample]]
"""One sample for each identity and each camera that saw it."""


def write_labelled_sheet(
    samples: Sequence[ImageSample], path: Path, generator: np.random.Generator, *, identities: int = 10
) -> tuple[int, int]:
    """Write a sheet of ``identities`` real identities of ``samples``; gives the numbers of rows and columns.

    Identities and images are chosen at random by the generator. Rows and columns are sorted by number. Raises
    :class:`BenchError` where no sample shows a real identity, or the file cannot be written.
    """
    grid = _choose_samples(samples, identities, generator)
    if not grid:
        raise BenchError(
            "there is no identity to show: expected identities of 1 or more, found distractors and junk alone"
        )
    cameras = sorted({camid for by_camera in grid.values() for camid in by_camera})
    save_sheet(_sheet(grid, cameras), path)
    return len(grid), len(cameras)


def _choose_samples(samples: Sequence[ImageSample], identities: int, generator: np.random.Generator) -> SampleGrid:
    by_identity: dict[int, dict[int, list[ImageSample]]] = {}
    for sample in samples:
        if sample.pid > DISTRACTOR:
            by_identity.setdefault(sample.pid, {}).setdefault(sample.camid, []).append(sample)
    pids = sorted(by_identity)
    chosen = sorted(pids[index] for index in generator.permutation(len(pids))[:identities])
    return {
        pid: {camid: images[generator.integers(len(images))] for camid, images in sorted(by_identity[pid].items())}
        for pid in chosen
    }


def _sheet(grid: SampleGrid, cameras: Sequence[int]) -> Image.Image:
    font = ImageFont.load_default(LETTER)
    rows, columns = [str(pid) for pid in grid], [f"camera {camid}" for camid in cameras]
    pictures = {
        (row, cameras.index(camid)): _picture(sample.path)
        for row, by_camera in enumerate(grid.values())
        for camid, sample in by_camera.items()
    }
    margin = round(max(map(font.getlength, ("identity", *rows)))) + 2 * GAP
    header = LETTER + 2 * GAP
    broadest_label = round(max(map(font.getlength, columns))) + 2 * GAP
    width = max(broadest_label, *(picture.width for picture in pictures.values()))
    sheet = Image.new("RGB", (margin + len(columns) * (width + GAP), header + len(rows) * (HEIGHT + GAP)), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((GAP, header / 2), "identity", INK, font, anchor="lm")
    for column, text in enumerate(columns):
        pen.text((margin + column * (width + GAP) + width / 2, header / 2), text, INK, font, anchor="mm")
    for row, text in enumerate(rows):
        top = header + row * (HEIGHT + GAP)
        pen.text((margin - GAP, top + HEIGHT / 2), text, INK, font, anchor="rm")
        for column in range(len(columns)):
            left = margin + column * (width + GAP)
            sheet.paste(GROUND, (left, top, left + width, top + HEIGHT))
            picture = pictures.get((row, column))
            if picture:
                sheet.paste(picture, (left + (width - picture.width) // 2, top + (HEIGHT - picture.height) // 2))
    return sheet


def _picture(path: Path) -> Image.Image:
    """The image in its own proportions, as large as a cell allows."""
    high, wide = image_size(path) or (1, 1)  # a file without a size fails in decoding, with a message
    scale = min(HEIGHT / high, WIDEST / wide)
    pixels, _ = decode_image(path, max(1, round(high * scale)), max(1, round(wide * scale)))
    return Image.fromarray(pixels.transpose(1, 2, 0))
