"""How large images are, from the heads of their files: nothing is decoded."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from bench.data.images import FORMATS, IMAGES_IN_FLIGHT, decoding_threads
from bench.progress import SILENT, Reporter

Size = tuple[int, int]
"""Height and width in pixels, upright."""

ORIENTATION = 0x0112
"""EXIF tag that says how the camera was held; 5 to 8 are on their side."""


def image_sizes(paths: Iterable[Path], reporter: Reporter = SILENT) -> dict[Path, Size | None]:
    """Size of every file; None where it is no image that can be opened."""
    files = list(dict.fromkeys(paths))
    found: dict[Path, Size | None] = {}
    with (
        reporter.task("read image sizes", len(files), unit="images") as task,
        ThreadPoolExecutor(decoding_threads()) as pool,
    ):
        # In parts, because a pool that is left early (Ctrl-C) first finishes what it was handed.
        for start in range(0, len(files), IMAGES_IN_FLIGHT):
            part = files[start : start + IMAGES_IN_FLIGHT]
            found.update(zip(part, pool.map(image_size, part), strict=True))
            task.advance(len(part))
    return found


def image_size(path: Path) -> Size | None:
    """Size of one file; None where it is no image that can be opened."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            lying = image.getexif().get(ORIENTATION, 1) >= 5
            return (image.width, image.height) if lying else (image.height, image.width)
    except Exception:  # damaged files make Pillow raise errors of many types
        return None
