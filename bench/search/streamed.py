"""Exact search of packed codes that lie on disk, a block of the gallery at a time: memory does not grow with it.

Codes (G, W) may be :class:`bench.search.mapped.MappedCodes`. Memory holds the parts that threads work on, and the
answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.progress import SILENT, Reporter, Task
from bench.retrieval.blocks import in_threads, row_slices
from bench.retrieval.hamming import FEW_QUERIES, PackedGallery
from bench.retrieval.labels import SearchLabels, same_view, views
from bench.retrieval.table import IntArray
from bench.retrieval.ties import QueryScores, TieGroups, expected_scores
from bench.search.mapped import MappedCodes
from bench.search.nearest_so_far import NearestSoFar
from bench.threads import usable_cores

Codes = NDArray[np.uint8] | MappedCodes
Result = TypeVar("Result")
MAPPED_BYTES = 64 << 20
"""Bytes of codes that are mapped at once, by all threads together."""
FIRST_IMAGES = 8192
"""Images of the first block, where there are many queries."""
FIRST_PAIRS = 1 << 17
"""With few queries, more images: so many pairs."""
GROWTH = 4
"""The next block is so many times as long: by then the k-th distance so far lets few images through."""
TILE_QUERIES = 64
"""Queries that one thread compares at once, at most."""
TILE_IMAGES = 16_384
"""Images that they are compared with."""
TILE_PAIRS = 1 << 20
"""With few queries, more images: so many pairs, so that what a call costs does not count."""


def nearest(
    query: NDArray[np.uint8], gallery: Codes, k: int, reporter: Reporter = SILENT
) -> tuple[IntArray, NDArray[np.int32]]:
    """Find the k nearest of codes (G, W) for queries (Q, W): indices and distances (Q, min(k, G)), nearest first.

    Of equal distances the earlier image comes first.

    Raises :class:`BenchError` where codes are not packed, or not of one width.
    """
    _check(query, gallery)
    found = NearestSoFar(query, min(k, len(gallery)))
    first, end = 0, max(FIRST_IMAGES, FIRST_PAIRS // max(1, len(query)))
    with reporter.task("searching", len(gallery), unit="images") as task:
        while first < len(gallery):
            for of_part in parts(len(query), gallery[:end], found.among, task, first):
                found.extend(of_part)
            found.settle()
            # Threads wait for each other where a block ends, which takes a large part of a search for few queries.
            first, end = end, end * GROWTH if len(query) > FEW_QUERIES else len(gallery)
    return found.in_order()


def distance_counts(query: NDArray[np.uint8], gallery: Codes, bits: int, reporter: Reporter = SILENT) -> IntArray:
    """Count the images of codes (G, W) at each distance from queries (Q, W): (Q, bits + 1).

    With the distances of the matches, these counts are all that average precision and ranks depend on.

    Raises :class:`BenchError` where codes are not packed, or not of one width.
    """
    _check(query, gallery)

    def count(rows: slice, first: int, part: PackedGallery) -> IntArray:
        return np.stack([np.bincount(line, minlength=bits + 1) for line in part.distances(query[rows])])

    counts = np.zeros((len(query), bits + 1), dtype=np.int64)
    with reporter.task("counting", len(gallery), unit="images") as task:
        for of_part in parts(len(query), gallery, count, task):
            counts += np.concatenate(of_part)
    return counts


def score_among(
    query: NDArray[np.uint8], gallery: NDArray[np.uint8], bits: int, labels: SearchLabels, counts: IntArray
) -> QueryScores:
    """Score queries (Q, W) in a gallery (G, W) with labels, among distractors at distances ``counts`` (Q, bits + 1).

    Scores are those of :func:`bench.retrieval.metrics.score_rankings` for gallery and distractors together: ties as
    their expectation, AP by steps. Distractors match nobody.
    """
    kept = labels.gallery.kept
    pids, of_gallery, of_queries = labels.gallery.pids[kept], labels.gallery.views[kept], views(labels.query_camids)
    laid_out = PackedGallery(gallery[kept])
    matches = np.zeros((len(query), bits + 1), dtype=np.int64)
    others = counts.copy()
    for row in range(len(query)):
        distances = laid_out.distances(query[row : row + 1])[0]
        own = pids == labels.query_pids[row]
        seen = own & ~same_view(of_gallery, of_queries[row])
        matches[row] = np.bincount(distances[seen], minlength=bits + 1)
        others[row] += np.bincount(distances[~own], minlength=bits + 1)
    size = matches + others
    rows, at = np.nonzero(matches)
    groups = TieGroups(
        num_queries=len(query),
        query=rows,
        before=(np.cumsum(size, axis=1) - size)[rows, at],
        size=size[rows, at],
        matches=matches[rows, at],
        matches_before=(np.cumsum(matches, axis=1) - matches)[rows, at],
    )
    return expected_scores(groups, "step", 1)


def check_bits(codes: Codes, bits: int, what: str) -> None:
    """Check that codes (N, W) of ``bits`` are packed as they should be. Raises :class:`BenchError`."""
    if codes.ndim != 2 or codes.dtype != np.uint8 or codes.shape[1] != -(-bits // 8):
        raise BenchError(
            f"{what} must be packed codes of {bits} bits, uint8 (N, {-(-bits // 8)}); found {codes.dtype} {codes.shape}"
        )
    beyond = 0xFF >> bits % 8 if bits % 8 else 0
    if beyond and any((np.asarray(codes[rows])[:, -1] & beyond).any() for rows in _mappable(codes)):
        raise BenchError(f"{what} have bits set beyond the {bits} of a code: pack them with bench.retrieval.codes.pack")


def _check(query: NDArray[np.uint8], gallery: Codes) -> None:
    check_bits(query, 8 * query.shape[-1], "queries")
    check_bits(gallery, 8 * query.shape[-1], "a gallery's codes")


def parts(
    queries: int,
    gallery: Codes,
    work: Callable[[slice, int, PackedGallery], Result],
    task: Task,
    first: int = 0,
    sizes: tuple[int, int] | None = None,
) -> Iterator[list[Result]]:
    """Work, in threads, on parts of a gallery (G, W) from image ``first`` on; yields a result a slice of queries.

    ``work`` is given the slice, the index of the part's first image, and the part. ``sizes`` are those of a slice and
    of a part.
    """
    at_once, images_at_once = sizes or (TILE_QUERIES, max(TILE_IMAGES, TILE_PAIRS // max(1, queries)))
    rows = row_slices(queries, at_once)

    def on_part(images: slice) -> list[Result]:
        part = PackedGallery(gallery[images])
        return [work(some, images.start, part) for some in rows]

    of_gallery = [
        slice(first + part.start, first + part.stop)
        for part in _mappable(gallery[first:], images_at_once, usable_cores())
    ]
    for part, found in zip(of_gallery, in_threads(on_part, of_gallery), strict=True):
        yield found
        task.advance(part.stop - part.start)


def _mappable(codes: Codes, images: int | None = None, threads: int = 1) -> list[slice]:
    """Cut codes (N, W) into parts of ``images``, or of fewer where all threads together would map too much."""
    most = max(1, MAPPED_BYTES // (threads * max(1, codes.shape[1])))
    return row_slices(len(codes), min(images or most, most))
