"""Sets that are scored over several galleries drawn at random: one exit table of all of them, a row a query and draw.

PRCC's protocol draws one image of each person, ten times, and averages. Each draw is a gallery of its own, which
policies see as such. Means over the rows of the table are means over draws and queries, and the bootstrap, which
resamples identities, keeps the draws of a query together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.data.dataset import ImageSample
from bench.errors import BenchError
from bench.exits import ExitSpec
from bench.retrieval.evaluate import build_table, matched_queries
from bench.retrieval.labels import labels_of
from bench.retrieval.table import ExitTable, IntArray, Outcomes, Signals

Draws = NDArray[np.bool_]
"""(G, D) which of G gallery images are in each of D drawn galleries; D is 0 where there is one gallery."""
Part = TypeVar("Part", Signals, Outcomes)
OF_NO_QUERY = ("dims", "classes", "features")
"""Signals that are the same for every query."""


def draws_of(samples: Sequence[ImageSample]) -> Draws:
    """Give the draws (G, D) that G gallery samples are part of."""
    count = 1 + max((number for sample in samples for number in sample.draws), default=-1)
    draws = np.zeros((len(samples), count), dtype=bool)
    for row, sample in enumerate(samples):
        draws[row, list(sample.draws)] = True
    return draws


def build_drawn_table(
    draws: Draws,
    exits: Sequence[ExitSpec],
    query_embeddings: Sequence[ArrayLike],
    gallery_embeddings: Sequence[ArrayLike],
    query_pids: ArrayLike,
    query_camids: ArrayLike,
    gallery_pids: ArrayLike,
    gallery_camids: ArrayLike,
    **how: Any,
) -> ExitTable:
    """Build the table of each drawn gallery, one below the other; without draws that of the whole gallery.

    Everything but ``draws`` is as in :func:`bench.retrieval.evaluate.build_table`. Rows are the queries of the first
    draw, then those of the second, and so on; images have their numbers in the whole gallery. Raises
    :class:`BenchError` as it does, and where a query has a match in some draws alone.
    """
    query = query_pids, query_camids
    if not draws.shape[1]:
        return build_table(exits, query_embeddings, gallery_embeddings, *query, gallery_pids, gallery_camids, **how)
    pids, camids = np.asarray(gallery_pids), np.asarray(gallery_camids)
    matched_in_draws(draws, *query, pids, camids)
    tables: list[ExitTable] = []
    for drawn in map(np.flatnonzero, draws.T):
        images = [np.asarray(codes)[drawn] for codes in gallery_embeddings]
        table = build_table(exits, query_embeddings, images, *query, pids[drawn], camids[drawn], **how)
        nearest = table.signals.nearest_indices
        whole = np.where(nearest >= 0, drawn[nearest], -1)
        tables.append(replace(table, signals=replace(table.signals, nearest_indices=whole)))
    return stacked(tables)


def matched_in_draws(
    draws: Draws, query_pids: ArrayLike, query_camids: ArrayLike, gallery_pids: ArrayLike, gallery_camids: ArrayLike
) -> IntArray:
    """Rows (N,) of the queries that have a true match, in every drawn gallery or in the whole where none is drawn.

    Raises :class:`BenchError` where there are none, and where a query has a match in some draws alone.
    """
    query, pids, camids = (query_pids, query_camids), np.asarray(gallery_pids), np.asarray(gallery_camids)
    galleries = draws.T if draws.shape[1] else [np.ones(len(pids), dtype=bool)]
    first, *others = (matched_queries(*query, pids[drawn], camids[drawn]) for drawn in galleries)
    if not all(np.array_equal(first, matched) for matched in others):
        raise BenchError("a query must have a match in every drawn gallery or in none: draw images of all people")
    return first


def gallery_size(draws: Draws) -> int:
    """Count the images that one search ranks: all, or those of the largest drawn gallery."""
    return int(draws.sum(axis=0).max(initial=0)) or len(draws)


def protocol(query_camids: IntArray, draws: Draws) -> dict[str, Any]:
    """Say what differs from Market-1501's protocol, for the record: clothes beside cameras, and drawn galleries."""
    told: dict[str, Any] = {}
    if query_camids.ndim > 1:
        told["junk"] = "images of the query's identity in its camera or in its clothes"
    if draws.shape[1]:
        told["galleries"] = draws.shape[1]
    return told


def require_plain(query: Sequence[ImageSample], gallery: Sequence[ImageSample], what: str, *, clothes: bool) -> None:
    """Refuse sets scored over drawn galleries and, unless they are allowed for, by ``clothes``, for ``what``.

    Raises :class:`BenchError`.
    """
    told = protocol(labels_of(query)[1], draws_of(gallery))
    if "galleries" in told:
        raise BenchError(
            f"{what} searches one gallery, and this set is scored over {told['galleries']} that were drawn: take the "
            "set with its whole gallery (--data gallery=all)"
        )
    if told and not clothes:
        raise BenchError(
            f"{what} scores by cameras alone, and here images in the query's clothes are junk as well: take the set's "
            "standard setting (--data setting=standard)"
        )


def query_rows(table: ExitTable, matched: IntArray) -> IntArray:
    """Give the query of each row of a table, (N,), out of those with a match: all of them, once for each draw."""
    return np.tile(matched, max(1, len(table) // len(matched)))


def scored_counts(table: ExitTable, queries: int, draws: Draws) -> dict[str, int]:
    """Count the queries with a match, which alone are scored, and their identities; nothing where all have one."""
    scored = len(table) // max(1, draws.shape[1])
    if scored == queries:
        return {}
    return {"scored queries": scored, "scored identities": len(np.unique(table.outcomes.query_pids))}


def stacked(tables: Sequence[ExitTable], order: IntArray | None = None) -> ExitTable:
    """Put tables one below the other, or their rows (N,) in some ``order``."""
    return ExitTable(
        exits=tables[0].exits,
        signals=_stacked([table.signals for table in tables], order),
        outcomes=_stacked([table.outcomes for table in tables], order),
    )


def _stacked(parts: list[Part], order: IntArray | None) -> Part:
    names = [one.name for one in fields(parts[0]) if one.name not in OF_NO_QUERY]
    rows = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return replace(parts[0], **(rows if order is None else {name: values[order] for name, values in rows.items()}))  # type: ignore[arg-type]
