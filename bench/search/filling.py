"""A gallery filled up with distractors: codes of one exit, drawn into a file or read from one, mapped from disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.progress import Reporter
from bench.retrieval.blocks import map_rows
from bench.retrieval.labels import SearchLabels, cameras
from bench.search.approximate import IndexKind
from bench.search.distractors import CodeModel, fit_codes
from bench.search.streamed import check_bits
from bench.temporary import folder_in

DRAWN_AT_ONCE = 65_536
MAKING = ".distractors-"


@dataclass(frozen=True)
class ExitCodes:
    """Packed codes of one exit, ``bits`` long: queries (Q, W) and the gallery (G, W)."""

    name: str
    bits: int
    query: NDArray[np.uint8]
    gallery: NDArray[np.uint8]


@dataclass(frozen=True)
class ScaleRequest:
    """Gallery sizes in images, those of the test set included; binary indexes of faiss to hold to exact search."""

    sizes: tuple[int, ...]
    indexes: tuple[IndexKind, ...] = ()
    seed: int = 0
    codes: Path | None = None
    """Packed codes of distractors, ``.npy`` (N, W), in place of drawn ones; for one exit."""


@contextmanager
def distractor_codes(
    one: ExitCodes, labels: SearchLabels, request: ScaleRequest, number: int, working: Path, reporter: Reporter
) -> Iterator[tuple[NDArray[np.uint8], Mapping[str, float]]]:
    """Offer codes (D, W) for the largest gallery, mapped from disk, and how they agree with the measured ones.

    Raises :class:`BenchError` where a file of codes does not fit, or drawn ones find no room.
    """
    count = request.sizes[-1] - len(one.gallery)
    if request.codes is not None:
        yield _read_codes(request.codes, one, count), {}
        return
    model = fit_codes(one.gallery, one.bits, labels.gallery.pids, cameras(labels.gallery.camids))
    try:
        working.mkdir(parents=True, exist_ok=True)
        with folder_in(working, MAKING) as folder:
            path = folder / f"{number}.npy"
            _write_drawn(path, model, count, (request.seed, number), one.name, reporter)
            yield np.load(path, mmap_mode="r", allow_pickle=False), model.agreement
    except OSError as problem:
        raise BenchError(
            f"cannot keep {count:,} codes of {one.gallery.shape[1]} bytes under {working} "
            f"({problem.strerror or problem}); free some room, choose another --cache, or smaller --images"
        ) from problem


def _write_drawn(
    path: Path, model: CodeModel, count: int, seed: tuple[int, int], name: str, reporter: Reporter
) -> None:
    """Draw ``count`` codes into a file, each block from a seed of its own: the first are the same for every count."""
    drawn = np.lib.format.open_memmap(path, "w+", np.uint8, (count, -(-model.bits // 8)))
    with reporter.task(f"drawing distractors for {name}", count, unit="images") as task:

        def fill(rows: slice) -> None:
            drawn[rows] = model.draw(DRAWN_AT_ONCE, np.random.default_rng((*seed, rows.start)))[
                : rows.stop - rows.start
            ]
            task.advance(rows.stop - rows.start)

        map_rows(fill, count, DRAWN_AT_ONCE)
    drawn.flush()


def _read_codes(path: Path, one: ExitCodes, count: int) -> NDArray[np.uint8]:
    try:
        codes = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as problem:
        raise BenchError(f"{path}: expected packed codes as .npy, uint8 (N, {one.gallery.shape[1]}): {problem}") from (
            problem
        )
    check_bits(codes, one.bits, f"codes of {path}")
    if len(codes) < count:
        raise BenchError(f"{path}: a gallery of this size takes {count:,} distractors, found {len(codes):,}")
    return codes[:count]
