"""Indexes of large galleries beside exact search: what they find of the nearest images, in what time and memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.progress import Reporter
from bench.retrieval.labels import SearchLabels
from bench.retrieval.table import IntArray
from bench.search.approximate import BesideExact, IndexKind, Lists, beside_exact, build_index, load_faiss
from bench.search.filling import ExitCodes, ScaleRequest, drawn_codes
from bench.search.mapped import MappedCodes
from bench.search.pyramid import Pyramid
from bench.search.streamed import nearest
from bench.search.streamed_coarse import CoarseToFineLists

LISTED = 100
"""Nearest images by which an index is judged."""
ALONE = 10
"""Queries that are timed one at a time."""
OF_PYRAMID = 1_000_000
"""Stands in seeds for the distractors of codes of several lengths: no exit has this number."""


@dataclass(frozen=True)
class MeasuredIndex(BesideExact):
    """An index beside exact search in a gallery of ``images``."""

    exit: str
    bits: int
    images: int
    batched_ms: float
    """Milliseconds a query, all queries together; ``alone_ms`` is the median of some by themselves."""
    alone_ms: float
    image_bytes: float
    """Bytes of the index, by the images in it."""


def measure_indexes(
    one: ExitCodes,
    labels: SearchLabels,
    request: ScaleRequest,
    kinds: Sequence[IndexKind],
    distractors: MappedCodes,
    reporter: Reporter,
) -> Iterator[MeasuredIndex]:
    """Measure binary indexes of faiss of one exit's codes, in galleries of each size; these lie in memory."""
    for size in request.sizes if kinds else ():
        shuffled = _shuffled(size, request.seed)
        whole = _whole(one.gallery, distractors, shuffled)
        listed = min(LISTED, size)  # faiss fills up longer lists with what is no image
        exact = nearest(one.query, whole, listed)
        for kind in kinds:
            reporter.note(f"{one.name}: building index {kind} of {size:,} images")
            started = time.perf_counter()
            index = build_index(load_faiss(kind), kind, whole)
            built = time.perf_counter() - started

            def search(rows: slice, index: Any = index, listed: int = listed) -> Lists:
                away, images = index.search(one.query[rows], listed)
                return images, away

            about = {"exit": one.name, "bits": one.bits, "images": size, "index": kind, "build_seconds": built}
            images, away = search(slice(None))
            scores = beside_exact((images, away), (images >= 0) & (away <= exact[1][:, -1:]), exact, labels, shuffled)
            yield _measured(about, scores, len(images), search, _index_bytes(index) / size)


def measure_coarse_to_fine(
    pyramid: Pyramid, labels: SearchLabels, request: ScaleRequest, working: Path, reporter: Reporter
) -> tuple[list[MeasuredIndex], Mapping[str, float]]:
    """Measure the search from coarse to fine beside exact search by the longest code, in galleries of each size.

    Gives how the distractors agree with measured codes, too. There is nothing to build. Raises as
    :func:`bench.search.filling.drawn_codes` does.
    """
    count = request.sizes[-1] - len(pyramid.gallery[0])
    seed = (request.seed, OF_PYRAMID)
    of_lengths = pyramid.lengths, pyramid.gallery
    measured = []
    with drawn_codes(*of_lengths, labels, count, seed, f"{pyramid.name}, all lengths", working, reporter) as (
        drawn,
        how,
    ):
        for size in request.sizes:
            reporter.note(f"{pyramid.name}: searching {size:,} images from coarse to fine")
            shuffled = _shuffled(size, request.seed)
            galleries = [_whole(own, more, shuffled) for own, more in zip(pyramid.gallery, drawn, strict=True)]
            exact = nearest(pyramid.query[-1], galleries[-1], LISTED)
            index = CoarseToFineLists(galleries, pyramid.lengths, pyramid.thresholds)

            def search(rows: slice, index: CoarseToFineLists = index) -> Lists:
                return index.search([query[rows] for query in pyramid.query], LISTED)

            images, order = search(slice(None))
            # An image that every code compared is ranked by its distance by the longest one, and others come behind.
            scores = beside_exact((images, order), order <= exact[1][:, -1:], exact, labels, shuffled)
            about = {"exit": pyramid.name, "bits": pyramid.lengths[-1], "images": size, "index": "ctf"}
            about["build_seconds"] = 0.0
            bytes_an_image = sum(gallery.shape[1] for gallery in galleries)
            measured.append(_measured(about, scores, len(images), search, bytes_an_image))
    return measured, how


def timed(queries: int, search: Callable[[slice], object]) -> tuple[float, float]:
    """Milliseconds a query: all together, and the median of some by themselves. The first call warms up."""
    search(slice(0, 1))
    started = time.perf_counter()
    search(slice(0, queries))
    batched = 1e3 * (time.perf_counter() - started) / queries
    alone = []
    for row in range(min(ALONE, queries)):
        started = time.perf_counter()
        search(slice(row, row + 1))
        alone.append(1e3 * (time.perf_counter() - started))
    return batched, statistics.median(alone)


def _measured(
    about: Mapping[str, Any],
    scores: Mapping[str, Any],
    queries: int,
    search: Callable[[slice], object],
    image_bytes: float,
) -> MeasuredIndex:
    """Time a search, and put together what is known of it."""
    batched, alone = timed(queries, search)
    return MeasuredIndex(**about, **scores, batched_ms=batched, alone_ms=alone, image_bytes=image_bytes)


def _shuffled(size: int, seed: int) -> IntArray:
    """Which image of the gallery and the distractors behind it stands where: in order, those of the gallery would win
    all ties."""
    return np.random.default_rng(seed).permutation(size)


def _whole(gallery: NDArray[np.uint8], distractors: MappedCodes, shuffled: IntArray) -> NDArray[np.uint8]:
    return np.concatenate([gallery, distractors[: len(shuffled) - len(gallery)]])[shuffled]


def _index_bytes(index: Any) -> int:
    """Bytes of an index: those that it takes on disk, which are those of its codes and links."""
    import faiss

    writer = faiss.VectorIOWriter()
    faiss.write_index_binary(index, writer)
    return int(writer.data.size())
