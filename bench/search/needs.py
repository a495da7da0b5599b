"""What a search of large galleries takes at least: told before it begins, and refused where it cannot fit."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.errors import BenchError
from bench.memory import check_fits
from bench.search.approximate import LINKS
from bench.search.distractors import FACTORS, CodeModel
from bench.search.filling import DRAWN_AT_ONCE, ExitCodes, ScaleRequest
from bench.search.indexed import ALONE
from bench.search.pyramid import Pyramid
from bench.search.streamed import MAPPED_BYTES, distance_counts
from bench.threads import usable_cores

NUMBER_BYTES = 8
LINK_BYTES = 4
PROBED_QUERIES = 64
"""Queries whose search is timed for the estimate."""
ADVICE = "take smaller --images"


@dataclass(frozen=True)
class ScaleNeeds:
    """Bytes of disk and memory, and seconds, that a search takes at least; builds of indexes take time beside it."""

    disk_bytes: int
    memory_bytes: int
    seconds: float


def scale_needs(exits: Sequence[ExitCodes], request: ScaleRequest, pyramid: Pyramid | None = None) -> ScaleNeeds:
    """Count bytes, and time a part of the work on this machine: milliseconds, once for each exit.

    Distractors of one exit are on disk at a time. Exact search reads them from there; indexes, and the search from
    coarse to fine, hold the largest gallery in memory.
    """
    largest = request.sizes[-1]
    widths = [one.gallery.shape[1] for one in exits]
    on_disk = (
        []
        if request.codes is not None
        else [max(0, largest - len(one.gallery)) * width for one, width in zip(exits, widths, strict=True)]
    )
    in_memory = [MAPPED_BYTES + NUMBER_BYTES * len(one.query) * (one.bits + 1) for one in exits]
    for kind in request.indexes:
        if kind == "ctf" and pyramid is not None:
            all_lengths = sum(codes.shape[1] for codes in pyramid.gallery)
            on_disk.append(max(0, largest - len(pyramid.gallery[0])) * all_lengths)
            in_memory.append(largest * (all_lengths + NUMBER_BYTES))
        elif kind != "ctf":
            # The gallery, the order of its images, and the index: its codes with links, or with numbers.
            more = {"flat": 0, "hnsw": 2 * LINKS * LINK_BYTES, "ivf": NUMBER_BYTES}[kind]
            in_memory += [largest * (2 * width + NUMBER_BYTES + more) for width in widths]
    seconds = sum(_seconds(one, request) for one in exits)
    return ScaleNeeds(max(on_disk, default=0), max(in_memory, default=0), seconds)


def check_needs(needs: ScaleNeeds, request: ScaleRequest, working: Path) -> None:
    """Refuse what cannot fit. Raises :class:`BenchError` with what is needed, what there is, and what to do."""
    what = f"a gallery of {request.sizes[-1]:,} images"
    check_fits(needs.memory_bytes, what, ADVICE)
    there = next(folder for folder in (working.absolute(), *working.absolute().parents) if folder.is_dir())
    try:
        free = shutil.disk_usage(there).free
    except OSError:  # nobody knows: what does not fit ends with a message of its own
        return
    if needs.disk_bytes > free:
        raise BenchError(
            f"{what} would take {needs.disk_bytes / 1e9:,.1f} GB on disk while it is searched, and {there} has "
            f"{free / 1e9:,.1f} GB free; {ADVICE}, or another --cache"
        )


def _seconds(one: ExitCodes, request: ScaleRequest) -> float:
    """Seconds for drawing the distractors, counting distances once, and the timed searches, if all go on as begun."""
    sizes, queries = request.sizes, len(one.query)
    factors = np.zeros((one.bits, min(one.bits, FACTORS)))
    level = np.zeros(one.bits)
    model = CodeModel(level, factors, level + 1, factors, level + 1, 4, {})
    started = time.perf_counter()
    drawn = model.draw(DRAWN_AT_ONCE, np.random.default_rng(0))
    drawing = 0.0 if request.codes is not None else (time.perf_counter() - started) / DRAWN_AT_ONCE / usable_cores()
    asked = one.query[:PROBED_QUERIES]
    started = time.perf_counter()
    distance_counts(asked, drawn, one.bits)
    pair = (time.perf_counter() - started) / max(1, len(asked) * len(drawn))
    pairs = queries * sizes[-1] + sum(size * (queries + ALONE) for size in sizes)
    return drawing * sizes[-1] + pair * pairs
