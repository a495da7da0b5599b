"""Search in galleries of millions: what it takes, what it finds, and what indexes miss, as a gallery grows.

The gallery of a test set is filled up with distractors, people whom no query shows. Exact search says what that costs
in rank-1 and mAP, whatever the size: both depend on how many images are at each distance alone. Indexes are held to
exact search on the same gallery.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.progress import SILENT, Reporter
from bench.retrieval.labels import SearchLabels, search_labels
from bench.search.approximate import build_index, load_faiss, score_lists
from bench.search.filling import ExitCodes, ScaleRequest, distractor_codes
from bench.search.streamed import check_bits, distance_counts, nearest, score_among

LISTED = 100
"""Nearest images by which an index is judged."""
ALONE = 10
"""Queries that are timed one at a time."""
BEYOND = (10**8, 10**9)
"""Gallery sizes that are not measured but derived, from the largest that was."""
TEST_SET_TIMES = 10
"""From so many times the images of the test set on, only the distractors are searched where times are taken."""


@dataclass(frozen=True)
class Measured:
    """Exact search at one exit in a gallery of ``images``; scores over all of it, in [0, 1]."""

    exit: str
    bits: int
    images: int
    rank_1: float | None
    mean_ap: float | None
    """None where it was not measured, as is ``rank_1``."""
    batched_ms: float
    """Milliseconds a query, all queries together."""
    alone_ms: float
    """Median milliseconds of a query by itself."""
    image_bytes: int
    """Bytes of a gallery image's code."""
    derived: bool = False
    """Whether it was not measured: times grow in proportion to the gallery."""


@dataclass(frozen=True)
class MeasuredIndex:
    """An index beside exact search in a gallery of ``images``; rank-1 and mAP of both over their lists."""

    exit: str
    bits: int
    images: int
    index: str
    recall: float
    rank_1: float
    mean_ap: float
    exact_rank_1: float
    exact_mean_ap: float
    build_seconds: float
    batched_ms: float
    alone_ms: float
    image_bytes: float
    """Bytes of the index, by the images in it."""


def measure_scale(
    exits: Sequence[ExitCodes],
    labels: tuple[NDArray[np.int64], ...],
    request: ScaleRequest,
    working: Path,
    reporter: Reporter = SILENT,
) -> dict[str, Any]:
    """Measure exact search and indexes at each exit and size; gives ``exact``, ``indexes`` and ``distractors``.

    ``labels`` are identities and cameras of queries and gallery: (Q,), (G,), (Q,), (G,). Distractors are drawn into a
    folder in ``working`` that goes away at the end.

    Raises :class:`BenchError` for a size below the gallery's own, codes that do not fit, a folder that cannot hold the
    distractors, and indexes without faiss.
    """
    found = search_labels(*labels)
    _check(exits, found, request)
    exact: list[Measured] = []
    indexes: list[MeasuredIndex] = []
    drawn: dict[str, Mapping[str, float]] = {}
    for number, one in enumerate(exits):
        with distractor_codes(one, found, request, number, working, reporter) as (codes, agreement):
            drawn[one.name] = agreement
            exact += _exact(one, found, request.sizes, codes, reporter)
            indexes += _indexes(one, found, request, codes, reporter)
    exact += [_derived(_largest(exact, one.name), size) for one in exits for size in BEYOND if size > request.sizes[-1]]
    return {
        "exact": [asdict(row) for row in exact],
        "indexes": [asdict(row) for row in indexes],
        "distractors": {name: dict(values) for name, values in drawn.items()},
    }


def _check(exits: Sequence[ExitCodes], labels: SearchLabels, request: ScaleRequest) -> None:
    own = len(labels.gallery.pids)
    if not exits:
        raise BenchError("galleries of millions are searched by packed codes, and no exit has any: take hash codes")
    if not request.sizes or list(request.sizes) != sorted(set(request.sizes)) or request.sizes[0] < own:
        raise BenchError(
            f"gallery sizes must grow from the {own:,} images of the test set on; found "
            f"{', '.join(f'{size:,}' for size in request.sizes) or 'none'}"
        )
    for one in exits:
        check_bits(one.query, one.bits, f"queries of {one.name}")
        check_bits(one.gallery, one.bits, f"gallery codes of {one.name}")
    for kind in request.indexes:
        load_faiss(kind)
    if request.codes is not None and len(exits) != 1:
        raise BenchError("a file of distractors' codes is of one exit: name it with --exits")


def _exact(
    one: ExitCodes, labels: SearchLabels, sizes: Sequence[int], distractors: NDArray[np.uint8], reporter: Reporter
) -> Iterator[Measured]:
    counts = np.zeros((len(one.query), one.bits + 1), dtype=np.int64)
    searched = 0
    for size in sizes:
        more = size - len(one.gallery)
        counts += distance_counts(one.query, distractors[searched:more], one.bits, reporter)
        searched = more
        scores = score_among(one.query, one.gallery, one.bits, labels, counts)
        # A small gallery is searched whole. In a large one the codes of the test set, which lie elsewhere, are few:
        # they count in proportion.
        few = more < TEST_SET_TIMES * len(one.gallery)
        codes = np.concatenate([one.gallery, distractors[:more]]) if few else distractors[:more]
        batched, alone = _timed(one.query, partial(nearest, gallery=codes, k=LISTED))
        share = size / len(codes)
        yield Measured(
            one.name,
            one.bits,
            size,
            float(scores.hits[labels.valid, 0].mean()),
            float(scores.average_precision[labels.valid].mean()),
            share * batched,
            share * alone,
            one.gallery.shape[1],
        )


def _indexes(
    one: ExitCodes,
    labels: SearchLabels,
    request: ScaleRequest,
    distractors: NDArray[np.uint8],
    reporter: Reporter,
) -> Iterator[MeasuredIndex]:
    for size in request.sizes if request.indexes else ():
        whole = np.concatenate([one.gallery, distractors[: size - len(one.gallery)]])
        # The images of the test set must not come first where distances are equal.
        shuffled = np.random.default_rng(request.seed).permutation(size)
        whole = whole[shuffled]
        images, distances = nearest(one.query, whole, LISTED)
        exact = score_lists(images, distances, labels, shuffled)
        for kind in request.indexes:
            reporter.note(f"{one.name}: building index {kind} of {size:,} images")
            started = time.perf_counter()
            index = build_index(load_faiss(kind), kind, whole)
            built = time.perf_counter() - started
            away, listed = index.search(one.query, LISTED)
            recall = float(((listed >= 0) & (away <= distances[:, -1:])).mean())
            batched, alone = _timed(one.query, partial(index.search, k=LISTED))
            yield MeasuredIndex(
                one.name,
                one.bits,
                size,
                kind,
                recall,
                *score_lists(listed, away, labels, shuffled),
                *exact,
                built,
                batched,
                alone,
                _index_bytes(index) / size,
            )


def _timed(query: NDArray[np.uint8], search: Callable[[NDArray[np.uint8]], object]) -> tuple[float, float]:
    """Milliseconds a query: all together, and the median of some by themselves. The first call warms up."""
    search(query[:1])
    started = time.perf_counter()
    search(query)
    batched = 1e3 * (time.perf_counter() - started) / len(query)
    alone = []
    for row in range(min(ALONE, len(query))):
        started = time.perf_counter()
        search(query[row : row + 1])
        alone.append(1e3 * (time.perf_counter() - started))
    return batched, statistics.median(alone)


def _index_bytes(index: Any) -> int:
    """Bytes of an index: those that it takes on disk, which are those of its codes and links."""
    import faiss

    writer = faiss.VectorIOWriter()
    faiss.write_index_binary(index, writer)
    return int(writer.data.size())


def _largest(exact: Sequence[Measured], name: str) -> Measured:
    return max((row for row in exact if row.exit == name and not row.derived), key=lambda row: row.images)


def _derived(row: Measured, images: int) -> Measured:
    """What a larger gallery needs: exact search compares every code, so its time grows with the gallery."""
    times = images / row.images
    return Measured(
        row.exit,
        row.bits,
        images,
        None,
        None,
        times * row.batched_ms,
        times * row.alone_ms,
        row.image_bytes,
        derived=True,
    )
