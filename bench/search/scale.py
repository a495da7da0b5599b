"""Search in galleries of millions: what it takes, what it finds, and what indexes miss, as a gallery grows.

The gallery of a test set is filled up with distractors, people whom no query shows. Exact search says what that costs
in rank-1 and mAP, whatever the size: both depend on how many images are at each distance alone. Indexes are held to
exact search on the same gallery.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.progress import SILENT, Reporter
from bench.retrieval.labels import SearchLabels, search_labels
from bench.search.approximate import load_faiss
from bench.search.filling import ExitCodes, ScaleRequest, distractor_codes
from bench.search.indexed import LISTED, MeasuredIndex, measure_coarse_to_fine, measure_indexes, timed
from bench.search.mapped import MappedCodes
from bench.search.pyramid import Pyramid
from bench.search.streamed import Codes, check_bits, distance_counts, nearest, score_among

BEYOND = (10**8, 10**9)
"""Gallery sizes that are not measured but derived, from the largest that was."""
HELD_BYTES = 64 << 20
"""Galleries up to here are held in memory where their search is timed; larger ones are read from disk again."""
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


def measure_scale(
    exits: Sequence[ExitCodes],
    labels: tuple[NDArray[np.int64], ...],
    request: ScaleRequest,
    working: Path,
    reporter: Reporter = SILENT,
    pyramid: Pyramid | None = None,
) -> dict[str, Any]:
    """Measure exact search and indexes at each exit and size; gives ``exact``, ``indexes`` and ``distractors``.

    Index ``ctf`` searches the codes of several lengths of a ``pyramid``.

    ``labels`` are identities and cameras of queries and gallery: (Q,), (G,), (Q,), (G,). Distractors are drawn into a
    folder in ``working`` that goes away at the end.

    Raises :class:`BenchError` for a size below the gallery's own, codes that do not fit, a folder that cannot hold the
    distractors, and indexes without faiss.
    """
    found = search_labels(*labels)
    _check(exits, found, request, pyramid)
    exact: list[Measured] = []
    indexes: list[MeasuredIndex] = []
    drawn: dict[str, Mapping[str, float]] = {}
    for number, one in enumerate(exits):
        with distractor_codes(one, found, request, number, working, reporter) as (codes, agreement):
            drawn[one.name] = agreement
            exact += _exact(one, found, request.sizes, codes, reporter)
            kinds = [kind for kind in request.indexes if kind != "ctf"]
            indexes += measure_indexes(one, found, request, kinds, codes, reporter)
    if "ctf" in request.indexes and pyramid is not None:
        rows, drawn[f"{pyramid.name}, all lengths"] = measure_coarse_to_fine(pyramid, found, request, working, reporter)
        indexes += rows
    exact += [_derived(_largest(exact, one.name), size) for one in exits for size in BEYOND if size > request.sizes[-1]]
    return {
        "exact": [asdict(row) for row in exact],
        "indexes": [asdict(row) for row in indexes],
        "distractors": {name: dict(values) for name, values in drawn.items()},
    }


def _check(exits: Sequence[ExitCodes], labels: SearchLabels, request: ScaleRequest, pyramid: Pyramid | None) -> None:
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
        if kind == "ctf":
            assert pyramid is not None, "whoever asks for ctf brings codes of several lengths"
        else:
            load_faiss(kind)
    if request.codes is not None and "ctf" in request.indexes:
        raise BenchError("a file of distractors' codes has one length, and index ctf needs all: leave out --codes")
    if request.codes is not None and len(exits) != 1:
        raise BenchError("a file of distractors' codes is of one exit: name it with --exits")


def _exact(
    one: ExitCodes, labels: SearchLabels, sizes: Sequence[int], distractors: MappedCodes, reporter: Reporter
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
        codes: Codes = distractors[:more]
        if more < TEST_SET_TIMES * len(one.gallery):
            codes = np.concatenate([one.gallery, codes])
        elif more * one.gallery.shape[1] <= HELD_BYTES:
            codes = np.array(codes)

        def search(rows: slice, codes: Codes = codes) -> object:
            return nearest(one.query[rows], codes, LISTED)

        batched, alone = timed(len(one.query), search)
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
