"""Sizes of images, read from the heads of their files without decoding."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from bench.data.images import FORMATS, IMAGES_IN_FLIGHT
from bench.progress import SILENT, Reporter
from bench.threads import usable_cores

Size = tuple[int, int]
"""Height and width in pixels, upright."""

ORIENTATION = 0x0112
"""EXIF tag of the camera's orientation; with the values 5 to 8 the image lies on its side."""


def image_sizes(paths: Iterable[Path], reporter: Reporter = SILENT) -> dict[Path, Size | None]:
    """Size of every file; None for a file that cannot be opened as an image."""
    files = list(dict.fromkeys(paths))
    sizes: dict[Path, Size | None] = {}
    with (
        reporter.task("read image sizes", len(files), unit="images") as task,
        ThreadPoolExecutor(usable_cores()) as pool,
    ):
        # In parts: after Ctrl-C a pool first finishes all that was submitted to it.
        for start in range(0, len(files), IMAGES_IN_FLIGHT):
            part = files[start : start + IMAGES_IN_FLIGHT]
            sizes.update(zip(part, pool.map(image_size, part), strict=True))
            task.advance(len(part))
    return sizes


def image_size(path: Path) -> Size | None:
    """Size of one file; None where it cannot be opened as an image."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            lying = image.getexif().get(ORIENTATION, 1) >= 5
            return (image.width, image.height) if lying else (image.height, image.width)
    except Exception:  # damaged files make Pillow raise errors of many types
        return None
