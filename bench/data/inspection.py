"""Inspection of every image file of a set: whether it can be decoded, and the hash of its bytes."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.data.images import IMAGES_IN_FLIGHT, decode_image
from bench.errors import BenchError
from bench.progress import SILENT, Reporter
from bench.threads import usable_cores

SMALL = (8, 4)
"""Height and width to which images are decoded here; the pixels are not kept."""


@dataclass(frozen=True)
class Inspection:
    """Result for one file: the sha256 of its bytes, or the problem in decoding it."""

    digest: bytes = b""
    problem: str = ""


def inspect_images(paths: Iterable[Path], reporter: Reporter = SILENT) -> dict[Path, Inspection]:
    """Decode every file once, even where it is listed several times."""
    files = list(dict.fromkeys(paths))
    inspected: dict[Path, Inspection] = {}
    with (
        reporter.task("decode images", len(files), unit="images") as task,
        ThreadPoolExecutor(usable_cores()) as pool,
    ):
        # In parts: after Ctrl-C a pool first finishes all that was submitted to it.
        for start in range(0, len(files), IMAGES_IN_FLIGHT):
            part = files[start : start + IMAGES_IN_FLIGHT]
            for path, inspection in zip(part, pool.map(_inspect, part), strict=True):
                inspected[path] = inspection
                task.advance()
    return inspected


def _inspect(path: Path) -> Inspection:
    try:
        return Inspection(digest=decode_image(path, *SMALL)[1])
    except BenchError as problem:
        return Inspection(problem=str(problem))
