"""Find where the matches stand in every query's ranked list, without ranking the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.retrieval.blocks import map_rows
from bench.retrieval.labels import GalleryLabels, same_view, views
from bench.retrieval.ties import (
    AveragePrecision,
    IntArray,
    PlacedMatches,
    QueryScores,
    TieGroups,
    expected_scores,
    place,
    placed_scores,
)

Ties = Literal["expected", "stable", "optimistic", "pessimistic"]

BLOCK_BYTES = 4 << 20
"""Bytes of distances that one thread sorts at once."""


@dataclass(frozen=True)
class LocatedMatches:
    """Where the matches of Q queries stand: their tie groups and, where asked for, their ranks in gallery order."""

    groups: TieGroups
    stable: PlacedMatches | None

    def score(self, ties: Ties, ap: AveragePrecision, max_rank: int) -> QueryScores:
        """Score the Q queries under one rule for ties."""
        if ties == "expected":
            return expected_scores(self.groups, ap, max_rank)
        if ties == "stable":
            assert self.stable is not None, "gallery order is located on demand"
            return placed_scores(self.stable, ap, max_rank)
        return placed_scores(place(self.groups, ties), ap, max_rank)


def locate_matches(
    distances: NDArray[Any],
    query_pids: IntArray,
    query_camids: IntArray,
    gallery: GalleryLabels,
    *,
    stable: bool = False,
    first_query: int = 0,
) -> LocatedMatches:
    """Count, in distances (Q, G), the kept images closer to each query than its matches, and level with them.

    Each row is sorted by value, which is far cheaper than sorting its indices, and the few images of the query's own
    identity are looked up in it; those in its own camera (or clothes) are then taken off the counts. Rows go through
    in blocks, so memory stays bounded whatever Q is. ``first_query`` is the number of the first row, for messages.
    """
    rows_at_once = max(1, BLOCK_BYTES // (len(gallery.kept) * max(4, distances.dtype.itemsize)))
    all_kept = len(gallery.kept) == distances.shape[1]
    kept_views, query_views = gallery.views[gallery.kept], views(query_camids)

    def look_up(rows: slice) -> tuple[NDArray[Any], ...]:
        block = distances[rows]
        require_finite(block, first_query + rows.start)
        block = block if all_kept else np.take(block, gallery.kept, axis=1)
        if block.dtype.itemsize < 4:  # on some processors 16-bit numbers sort eight times more slowly
            block = block.astype(np.float32 if block.dtype.kind == "f" else np.int32)
        ordered = np.sort(block, axis=1)
        owns, values, closer, within, earlier = [], [], [], [], []
        for row, line, pid in zip(block, ordered, query_pids[rows].tolist(), strict=True):
            own = gallery.showing(pid)
            value = row[own]
            owns.append(own)
            values.append(value)
            closer.append(line.searchsorted(value, side="left"))
            within.append(line.searchsorted(value, side="right"))
            if stable:
                earlier.append(_earlier_in_gallery(row, own, value, within[-1] - closer[-1]))
        query = np.repeat(np.arange(rows.start, rows.stop), [len(own) for own in owns])
        columns = (owns, values, closer, within, earlier if stable else closer)
        return (query, *(np.concatenate(parts) for parts in columns))

    blocks = map_rows(look_up, len(distances), rows_at_once)
    query, own, value, closer, within, earlier = (np.concatenate(parts) for parts in zip(*blocks, strict=True))

    # From here on, arrays run over the images of the queries' own identities, by query, distance and, the sort being
    # stable, gallery index.
    order = np.lexsort((value, query))
    query, own, value, closer, within, earlier = (
        column[order] for column in (query, own, value, closer, within, earlier)
    )
    junk = same_view(kept_views[own], query_views[query])
    query_start = np.searchsorted(query, query)
    junk_before = _count_before(junk, query_start)
    new_group = np.append(True, (np.diff(query) != 0) | (value[1:] != value[:-1]))[: len(query)]
    group_start = np.flatnonzero(new_group)
    group = np.cumsum(new_group) - 1
    matches = np.bincount(group, weights=~junk, minlength=len(group_start)).astype(np.int64)
    junk_in_group = np.bincount(group, weights=junk, minlength=len(group_start)).astype(np.int64)
    filled = matches > 0
    at = group_start[filled]
    groups = TieGroups(
        num_queries=len(distances),
        query=query[at],
        before=closer[at] - junk_before[at],
        size=within[at] - closer[at] - junk_in_group[filled],
        matches=matches[filled],
        matches_before=_count_before(~junk, query_start)[at],
    )
    if not stable:
        return LocatedMatches(groups, None)
    ranks = closer + earlier - junk_before + 1
    return LocatedMatches(groups, PlacedMatches(len(distances), query[~junk], ranks[~junk]))


def require_finite(block: NDArray[Any], first_query: int) -> None:
    """Raise BenchError, naming the query, if a block (rows, G) of distances holds NaN or infinity."""
    if block.dtype.kind != "f":
        return
    finite = np.isfinite(block)
    if finite.all():
        return
    row, column = np.argwhere(~finite)[0]
    raise BenchError(
        f"distances must be finite; found {block[row, column]} between query {first_query + row} and gallery image "
        f"{column} ({int((~finite[row]).sum())} such values for that query). An embedding is probably NaN or "
        "infinite: check the network that made it."
    )


def _earlier_in_gallery(row: NDArray[Any], own: IntArray, value: NDArray[Any], tied: IntArray) -> IntArray:
    """Count, for images (n,) of a row (G,), those at the same distance that come earlier in the gallery."""
    earlier = np.zeros(len(own), dtype=np.int64)
    for index in np.flatnonzero(tied > 1):
        earlier[index] = np.count_nonzero(row[: own[index]] == value[index])
    return earlier


def _count_before(flags: NDArray[np.bool_], query_start: IntArray) -> IntArray:
    """Count the flags (n,) that are set before each index, within its query."""
    running: IntArray = np.cumsum(flags) - flags
    return running - running[query_start]
