"""Every image file of a set looked at once: whether it decodes, and what its bytes are."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.data.images import IMAGES_IN_FLIGHT, decode_image, decoding_threads
from bench.errors import BenchError
from bench.progress import SILENT, Reporter

SMALL = (8, 4)
"""Height and width to which images are decoded here: the pixels are dropped."""


@dataclass(frozen=True)
class Inspection:
    """What one file turned out to be: the sha256 of its bytes, or the problem that kept it from being decoded."""

    digest: bytes = b""
    problem: str = ""


def inspect_images(paths: Iterable[Path], reporter: Reporter = SILENT) -> dict[Path, Inspection]:
    """Decode every file once, however often it is listed."""
    files = list(dict.fromkeys(paths))
    found: dict[Path, Inspection] = {}
    with (
        reporter.task("decode images", len(files), unit="images") as task,
        ThreadPoolExecutor(decoding_threads()) as pool,
    ):
        # In parts, because a pool that is left early (Ctrl-C) first finishes what it was handed.
        for start in range(0, len(files), IMAGES_IN_FLIGHT):
            part = files[start : start + IMAGES_IN_FLIGHT]
            for path, inspection in zip(part, pool.map(_inspect, part), strict=True):
                found[path] = inspection
                task.advance()
    return found


def _inspect(path: Path) -> Inspection:
    try:
        return Inspection(digest=decode_image(path, *SMALL)[1])
    except BenchError as problem:
        return Inspection(problem=str(problem))
