"""Pictures that ``bench policies`` made of a run's queries, made small enough to be put into the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.findings.setups import Setup

MATCHES = "top-matches"
CLASSES = "-classes"
"""Name of one picture's file, and the end of those of the others, which begin with the name of a policy."""
JPEG_QUALITY = 82
"""Photographs beside lettering that is still clean; a fifth of the bytes that they have as PNG."""
PIXELS_SHOWN = 0.65
"""Of a picture's width: its pixels are for paper."""


@dataclass(frozen=True)
class Picture:
    """A picture as the page holds it: ``address`` is the picture itself, ``width`` that on the screen, in pixels."""

    title: str
    caption: str
    description: str
    address: str
    width: int


def picture_files(results: Path, setup: Setup) -> Iterator[tuple[str, Path]]:
    """Find the pictures of a setup's runs, each with the name of its run."""
    for run in setup.runs:
        name = Path(run.files[0].place).parent.name
        for path in sorted((results / "policies" / name).glob("*.png")):
            if path.stem == MATCHES or path.stem.endswith(CLASSES):
                yield name, path


def read_picture(run: str, path: Path) -> Picture:
    """Read one of them; raises BenchError where it is damaged."""
    # Loaded here: most reports have none.
    from PIL import Image

    data = io.BytesIO()
    try:
        with Image.open(path) as image:
            width = image.width
            image.convert("RGB").save(data, "jpeg", quality=JPEG_QUALITY)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as problem:
        name = f"policies/{run}/{path.name}"
        raise BenchError(
            f"{name} cannot be read as a picture ({type(problem).__name__}); bench policies makes it again"
        ) from problem
    address = f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"
    if path.stem == MATCHES:
        title = "First match at every exit"
        caption = "Queries drawn from each group, with their first match at every exit (HashReID's Figure 6)."
        description = "Rows of images: a query, then its first match at each exit, framed by whether it is right."
    else:
        policy = path.stem.removesuffix(CLASSES)
        title = f"Queries by class of {policy}"
        caption = f"Queries of each class of {policy}, with the first exit's nearest images (HashReID's Figure 7)."
        description = "Rows of images: a query, then its nearest gallery images, framed by whether they are right."
    return Picture(
        title, f"{caption} Drawn by bench policies for {run}.", description, address, round(PIXELS_SHOWN * width)
    )
