"""Exact search of packed codes that lie on disk, a block of the gallery at a time: memory does not grow with it.

Codes (G, W) may be a memory-mapped array. Beside the pages of one block, memory holds the answers alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.progress import SILENT, Reporter
from bench.retrieval.blocks import map_rows, row_slices
from bench.retrieval.codes import unpack
from bench.retrieval.hamming import PackedGallery, load_faiss
from bench.retrieval.labels import SearchLabels, same_view, views
from bench.retrieval.selection import nearest_images
from bench.retrieval.table import IntArray
from bench.retrieval.ties import QueryScores, TieGroups, expected_scores

BLOCK_BYTES = 32 << 20
"""Bytes of codes that are searched at once."""
COUNTED_BYTES = 16 << 20
"""Bytes of distances that are counted at once."""
COUNTED_QUERIES = 64
"""Queries whose distances are counted at once."""


def nearest(
    query: NDArray[np.uint8], gallery: NDArray[np.uint8], k: int, reporter: Reporter = SILENT
) -> tuple[IntArray, NDArray[np.int32]]:
    """Find the k nearest of codes (G, W) for queries (Q, W): indices and distances (Q, min(k, G)), nearest first.

    Distances are exact. Which of several images at the k-th distance are listed is not defined.

    Raises :class:`BenchError` where codes are not packed, or not of one width.
    """
    _check(query, gallery)
    k = min(k, len(gallery))
    images = np.zeros((len(query), 0), dtype=np.int64)
    distances = np.zeros((len(query), 0), dtype=np.int32)
    faiss = load_faiss()
    for first, block in _blocks(gallery, reporter):
        found, away = _nearest_of_block(query, block, min(k, len(block)), faiss)
        images = np.concatenate([images, found + first], axis=1)
        distances = np.concatenate([distances, away], axis=1)
        order = np.argsort(distances, axis=1, kind="stable")[:, :k]
        images = np.take_along_axis(images, order, axis=1)
        distances = np.take_along_axis(distances, order, axis=1)
    return images, distances


def distance_counts(
    query: NDArray[np.uint8], gallery: NDArray[np.uint8], bits: int, reporter: Reporter = SILENT
) -> IntArray:
    """Count the images of codes (G, W) at each distance from queries (Q, W): (Q, bits + 1).

    With the distances of the matches, these counts are all that average precision and ranks depend on.

    Raises :class:`BenchError` where codes are not packed, or not of one width.
    """
    _check(query, gallery)
    counts = np.zeros((len(query), bits + 1), dtype=np.int64)
    for _, block in _blocks(gallery, reporter, COUNTED_BYTES // (4 * COUNTED_QUERIES)):
        laid_out = PackedGallery(block)

        def count(rows: slice, laid_out: PackedGallery = laid_out) -> None:
            for row, line in enumerate(laid_out.distances(query[rows]), rows.start):
                counts[row] += np.bincount(line, minlength=bits + 1)

        map_rows(count, len(query), COUNTED_QUERIES)
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


def check_bits(codes: NDArray[np.uint8], bits: int, what: str) -> None:
    """Check that codes (N, W) of ``bits`` are packed as they should be. Raises :class:`BenchError`."""
    if codes.ndim != 2 or codes.dtype != np.uint8 or codes.shape[1] != -(-bits // 8):
        raise BenchError(
            f"{what} must be packed codes of {bits} bits, uint8 (N, {-(-bits // 8)}); found {codes.dtype} {codes.shape}"
        )
    if bits % 8 and len(codes) and (unpack(codes[:, -1:], 8)[:, bits % 8 :] > 0).any():
        raise BenchError(f"{what} have bits set beyond the {bits} of a code: pack them with bench.retrieval.codes.pack")


def _check(query: NDArray[np.uint8], gallery: NDArray[np.uint8]) -> None:
    check_bits(query, 8 * query.shape[-1], "queries")
    check_bits(gallery, 8 * query.shape[-1], "a gallery's codes")


def _blocks(
    gallery: NDArray[np.uint8], reporter: Reporter, images_at_once: int | None = None
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    if not len(gallery):
        return
    rows_at_once = images_at_once or max(1, BLOCK_BYTES // max(1, gallery.shape[1]))
    with reporter.task("searching", len(gallery), unit="images") as task:
        for rows in row_slices(len(gallery), rows_at_once):
            yield rows.start, np.ascontiguousarray(gallery[rows])
            task.advance(rows.stop - rows.start)


def _nearest_of_block(
    query: NDArray[np.uint8], block: NDArray[np.uint8], k: int, faiss: ModuleType | None
) -> tuple[IntArray, NDArray[np.int32]]:
    """The k nearest of a block (B, W), k at most B."""
    if faiss is not None:
        distances, images = faiss.knn_hamming(query, block, k)
        return images, distances
    laid_out = PackedGallery(block)
    images = np.empty((len(query), k), dtype=np.int64)
    distances = np.empty((len(query), k), dtype=np.int32)

    def fill(rows: slice) -> None:
        for row, line in enumerate(laid_out.distances(query[rows]), rows.start):
            images[row], distances[row] = nearest_images(line, k)

    map_rows(fill, len(query), 1)
    return images, distances
