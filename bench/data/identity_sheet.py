"""A labelled sheet of people: a row an identity, a column a camera, one image where the camera saw the person."""

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
"""Pixels of an image's height; wide ones are lower."""
WIDEST = 192
"""Pixels of an image's width at most."""
GAP = 6
"""Pixels between images, and around labels."""
LETTER = 14
"""Pixels of a label's height."""
INK = (40, 40, 40)
PAPER = (255, 255, 255)

Seen = Mapping[int, Mapping[int, ImageSample]]
"""One sample for each identity and camera."""


def write_identity_sheet(
    samples: Sequence[ImageSample], path: Path, generator: np.random.Generator, *, identities: int = 10
) -> tuple[int, int]:
    """Draw some real identities of ``samples``, and one image of each in each camera; gives how many of both there are.

    People and images are drawn by the generator; rows and columns are in the order of their numbers.
    """
    seen = _draw(samples, identities, generator)
    if not seen:
        raise BenchError("there is nobody to show: expected identities of 1 or more, found distractors and junk alone")
    cameras = sorted({camid for by_camera in seen.values() for camid in by_camera})
    save_sheet(_sheet(seen, cameras), path)
    return len(seen), len(cameras)


def _draw(samples: Sequence[ImageSample], identities: int, generator: np.random.Generator) -> Seen:
    by_identity: dict[int, dict[int, list[ImageSample]]] = {}
    for sample in samples:
        if sample.pid > DISTRACTOR:
            by_identity.setdefault(sample.pid, {}).setdefault(sample.camid, []).append(sample)
    people = sorted(by_identity)
    drawn = sorted(people[place] for place in generator.permutation(len(people))[:identities])
    return {
        pid: {camid: of_one[generator.integers(len(of_one))] for camid, of_one in sorted(by_identity[pid].items())}
        for pid in drawn
    }


def _sheet(seen: Seen, cameras: Sequence[int]) -> Image.Image:
    font = ImageFont.load_default(LETTER)
    rows, columns = [str(pid) for pid in seen], [f"camera {camid}" for camid in cameras]
    pictures = {
        (row, cameras.index(camid)): _picture(sample.path)
        for row, by_camera in enumerate(seen.values())
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
    high, wide = image_size(path) or (1, 1)  # decoding says what is wrong with a file that has no size
    scale = min(HEIGHT / high, WIDEST / wide)
    pixels, _ = decode_image(path, max(1, round(high * scale)), max(1, round(wide * scale)))
    return Image.fromarray(pixels.transpose(1, 2, 0))
