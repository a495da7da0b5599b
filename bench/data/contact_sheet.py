"""A contact sheet: one row for each identity, with a few images of each camera. It has no labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from bench.data.dataset import ImageSample, ReidDataset
from bench.data.image_size import image_size
from bench.data.images import decode_image
from bench.errors import BenchError

GAP = 2
"""Pixels between images."""
GROUND = (245, 245, 245)
"""Colour of a cell without an image."""


def write_contact_sheet(
    dataset: ReidDataset, path: Path, *, identities: int = 10, images: int = 2, height: int = 128
) -> None:
    """Draw the test identities that most cameras saw, with up to ``images`` of each camera, ``height`` pixels high.

    Raises :class:`BenchError` for an image that cannot be decoded, or a sheet that cannot be written.
    """
    seen: dict[int, dict[int, list[ImageSample]]] = defaultdict(lambda: defaultdict(list))
    for sample in (*dataset.query, *dataset.gallery):
        if sample.pid > 0:
            seen[sample.pid][sample.camid].append(sample)
    people = sorted(seen, key=lambda pid: (-len(seen[pid]), pid))[:identities]
    cameras = sorted({camid for pid in people for camid in seen[pid]})
    rows = [[sample for camid in cameras for sample in _padded(seen[pid][camid], images)] for pid in people]
    high, wide = image_size(next(sample.path for sample in rows[0] if sample)) or (2, 1)
    width = max(1, round(height * wide / high))
    sheet = Image.new("RGB", (len(rows[0]) * (width + GAP) - GAP, len(rows) * (height + GAP) - GAP), GROUND)
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            if cell is not None:
                pixels, _ = decode_image(cell.path, height, width)
                picture = Image.fromarray(pixels.transpose(1, 2, 0))
                sheet.paste(picture, (column * (width + GAP), row * (height + GAP)))
    save_sheet(sheet, path)


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """Write a sheet in the format of the file's suffix; raises :class:`BenchError` where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(path)
    except (OSError, ValueError) as problem:
        raise BenchError(f"cannot write the contact sheet {path}: {problem}; name a .png file elsewhere") from None


def _padded(samples: Sequence[ImageSample], length: int) -> list[ImageSample | None]:
    chosen: list[ImageSample | None] = list(samples[:length])
    return chosen + [None] * (length - len(chosen))
