"""A gallery filled up with distractors: codes of one exit, in a file that is drawn or the user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.progress import Reporter, Task
from bench.retrieval.blocks import in_threads, row_slices
from bench.retrieval.codes import pack, packed_width, unpack
from bench.retrieval.labels import SearchLabels, cameras
from bench.search.distractors import CodeModel, fit_codes
from bench.search.mapped import MappedCodes
from bench.search.streamed import check_bits
from bench.temporary import folder_in

ScaleIndex = Literal["flat", "hnsw", "ivf", "ctf"]
"""Binary indexes of faiss, and the search from coarse to fine by codes of several lengths."""
DRAWN_AT_ONCE = 4096
"""Codes that one thread draws at once: the Gaussian vectors of so many take megabytes."""
WRITTEN_AT_ONCE = 8 << 20
"""Bytes that are written at once: the system then keeps them in long stretches of memory, which map in less time."""
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
    """Gallery sizes in images, those of the test set included; indexes to hold to exact search."""

    sizes: tuple[int, ...]
    indexes: tuple[ScaleIndex, ...] = ()
    seed: int = 0
    codes: Path | None = None
    """Packed codes of distractors, ``.npy`` (N, W), in place of drawn ones; for one exit."""


@contextmanager
def distractor_codes(
    one: ExitCodes, labels: SearchLabels, request: ScaleRequest, number: int, working: Path, reporter: Reporter
) -> Iterator[tuple[MappedCodes, Mapping[str, float]]]:
    """Offer codes (D, W) for the largest gallery, and how they agree with the measured ones.

    Raises :class:`BenchError` where a file of codes does not fit, or as :func:`drawn_codes` does.
    """
    count = request.sizes[-1] - len(one.gallery)
    if request.codes is not None:
        yield _read_codes(request.codes, one, count), {}
        return
    seed = (request.seed, number)
    with drawn_codes((one.bits,), (one.gallery,), labels, count, seed, one.name, working, reporter) as (drawn, how):
        yield drawn[0], how


@contextmanager
def drawn_codes(
    lengths: Sequence[int],
    galleries: Sequence[NDArray[np.uint8]],
    labels: SearchLabels,
    count: int,
    seed: tuple[int, ...],
    name: str,
    working: Path,
    reporter: Reporter,
) -> Iterator[tuple[list[MappedCodes], Mapping[str, float]]]:
    """Offer codes of several lengths, drawn together, of ``count`` images, and how they agree with measured ones.

    ``galleries`` are the measured codes (G, W) of each length. Files are drawn in ``working`` and go away at the end.

    Raises :class:`BenchError` where there is no room, or the gallery shows too few people to draw others like them.
    """
    signs = np.concatenate([unpack(*one) for one in zip(galleries, lengths, strict=True)], axis=1)
    model = fit_codes(pack(signs), sum(lengths), labels.gallery.pids, cameras(labels.gallery.camids))
    try:
        working.mkdir(parents=True, exist_ok=True)
        with folder_in(working, MAKING) as folder:
            paths = [folder / f"{level}.npy" for level in range(len(lengths))]
            with reporter.task(f"drawing distractors for {name}", count, unit="images") as task:
                write_drawn(paths, lengths, model, count, seed, task)
            yield [MappedCodes.open(path) for path in paths], model.agreement
    except OSError as problem:
        raise BenchError(
            f"cannot keep {count:,} codes of {sum(map(packed_width, lengths))} bytes under {working} "
            f"({problem.strerror or problem}); free some room, choose another --cache, or smaller --images"
        ) from problem


def write_drawn(
    paths: Sequence[Path],
    lengths: Sequence[int],
    model: CodeModel,
    count: int,
    seed: tuple[int, ...],
    task: Task,
) -> None:
    """Draw ``count`` codes into files, one a length, which add up to the model's.

    Each block has a seed of its own: the first codes are the same for every count.
    """
    ends = np.cumsum(lengths)[:-1]

    def draw(rows: slice) -> list[NDArray[np.uint8]]:
        codes = model.draw(DRAWN_AT_ONCE, np.random.default_rng((*seed, rows.start)))[: rows.stop - rows.start]
        if len(lengths) == 1:
            return [codes]
        bits = np.unpackbits(codes, axis=1, count=model.bits)
        return [np.packbits(part, axis=1) for part in np.split(bits, ends, axis=1)]

    with ExitStack() as opened:
        files = [opened.enter_context(path.open("wb", buffering=WRITTEN_AT_ONCE)) for path in paths]
        for file, length in zip(files, lengths, strict=True):
            form = {"descr": "|u1", "fortran_order": False, "shape": (count, packed_width(length))}
            np.lib.format.write_array_header_1_0(file, form)
        for codes in in_threads(draw, row_slices(count, DRAWN_AT_ONCE)):
            for file, of_length in zip(files, codes, strict=True):
                file.write(of_length.data)
            task.advance(len(codes[0]))


def _read_codes(path: Path, one: ExitCodes, count: int) -> MappedCodes:
    codes = MappedCodes.open(path)
    check_bits(codes, one.bits, f"codes of {path}")
    if len(codes) < count:
        raise BenchError(f"{path}: a gallery of this size takes {count:,} distractors, found {len(codes):,}")
    return codes[:count]
