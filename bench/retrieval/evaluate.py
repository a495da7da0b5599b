"""Build the exit table from embeddings: match every query at every exit, keep what happened and what was visible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError
from bench.exits import ExitSpec
from bench.retrieval.blocks import row_slices
from bench.retrieval.codes import packed_width
from bench.retrieval.labels import JUNK_PID, GalleryLabels, cameras, label_pair, require_match, same_view, views
from bench.retrieval.metrics import check_choice
from bench.retrieval.neighbours import GalleryIndex
from bench.retrieval.ranks import locate_matches
from bench.retrieval.table import HIT_RANKS, NEIGHBOURS, ExitTable, FloatArray, IntArray, Outcomes, Signals
from bench.retrieval.ties import AveragePrecision

SignalSource = Literal["deployed", "protocol"]

QUERY_BLOCK = 256
"""Queries matched at once: against 20,000 gallery images, distances of 20 MB."""


def build_table(
    exits: Sequence[ExitSpec],
    query_embeddings: Sequence[ArrayLike],
    gallery_embeddings: Sequence[ArrayLike],
    query_pids: ArrayLike,
    query_camids: ArrayLike,
    gallery_pids: ArrayLike,
    gallery_camids: ArrayLike,
    *,
    ap: AveragePrecision = "step",
    signals: SignalSource = "deployed",
    class_entropy: FloatArray | None = None,
    classes: int = 0,
    block: int = QUERY_BLOCK,
) -> ExitTable:
    """Match queries and gallery at each of S exits, and keep N rows: the queries that have a true match.

    Embeddings are one array an exit: packed codes, uint8 (N, ceil(dim/8)), where the exit is binary, and floats
    (N, dim) where it is continuous. The rows kept are those of :func:`matched_queries`.

    ``signals`` chooses the gallery that policies look at. ``deployed`` leaves out images of the query's own camera,
    which a system knows, and nothing by the query's identity. ``protocol`` removes junk first (the query's identity in
    its own camera, and identity −1), as DaRe's official code does: that tells the policy something about the identity
    it is to find, and is meant for reproducing DaRe alone. Among neighbours at one distance, the earlier in the gallery
    comes first. ``class_entropy`` (query images, S) over ``classes`` training identities goes into the signals as it
    is. In a deployed gallery, images of identity −1 were enrolled like any other, and −1 counts as one identity. Raises
    :class:`BenchError` where codes, exits and labels do not fit.
    """
    check_choice("ap", ap, get_args(AveragePrecision))
    check_choice("signals", signals, get_args(SignalSource))
    if block < 1:
        raise BenchError(f"block must be 1 query or more; found {block}")
    gallery = GalleryLabels(gallery_pids, gallery_camids)
    pids, camids = label_pair(query_pids, query_camids, "query")
    query_sets = _check_embeddings(exits, query_embeddings, len(pids), "query")
    gallery_sets = _check_embeddings(exits, gallery_embeddings, len(gallery.pids), "gallery")
    rows = _rows_with_match(pids, camids, gallery)
    pids, camids = pids[rows], camids[rows]

    shape = (len(rows), len(exits))
    nearest_distances = np.empty((*shape, NEIGHBOURS))
    nearest_indices = np.empty((*shape, NEIGHBOURS), dtype=np.int64)
    margin = np.empty(shape)
    previous_distance = np.empty(shape)
    precision, penalty = np.empty(shape), np.empty(shape)
    bounds = np.empty((*shape, 2))
    hits = np.empty((*shape, len(HIT_RANKS)))
    hit_columns = np.array(HIT_RANKS) - 1

    for exit_index, (queries, images) in enumerate(zip(query_sets, gallery_sets, strict=True)):
        index = GalleryIndex(images, gallery.pids, gallery.camids)
        for part in row_slices(len(rows), block):
            here = (part, exit_index)
            codes = queries[rows[part]]
            distances = index.distances(codes)
            matches = locate_matches(distances, pids[part], camids[part], gallery)
            expected = matches.score("expected", ap, max(HIT_RANKS))
            precision[here] = expected.average_precision
            penalty[here] = expected.inverse_negative_penalty
            hits[here] = expected.hits[:, hit_columns]
            bounds[(*here, 0)] = matches.score("pessimistic", ap, 1).average_precision
            bounds[(*here, 1)] = matches.score("optimistic", ap, 1).average_precision
            seen = index.search(
                codes,
                camids=cameras(camids[part]) if signals == "deployed" else None,
                hidden=_junk(pids[part], camids[part], gallery) if signals == "protocol" else None,
                previous=nearest_indices[part, exit_index - 1, 0] if exit_index else None,
                distances=distances,
            )
            nearest_indices[here], nearest_distances[here] = seen.indices, seen.distances
            margin[here], previous_distance[here] = seen.identity_margin, seen.previous_identity_distance

    return ExitTable(
        exits=tuple(spec.name for spec in exits),
        signals=Signals(
            nearest_distances=nearest_distances,
            nearest_indices=nearest_indices,
            nearest_pids=np.where(nearest_indices >= 0, gallery.pids[nearest_indices], -1),
            identity_margin=margin,
            previous_identity_distance=previous_distance,
            query_camids=cameras(camids),
            dims=np.array([spec.dim for spec in exits], dtype=np.int64),
            class_entropy=np.full(shape, np.nan) if class_entropy is None else class_entropy[rows],
            classes=classes,
        ),
        outcomes=Outcomes(
            average_precision=precision,
            inverse_negative_penalty=penalty,
            hits=hits,
            average_precision_bounds=bounds,
            query_pids=pids,
        ),
    )


def matched_queries(
    query_pids: ArrayLike, query_camids: ArrayLike, gallery_pids: ArrayLike, gallery_camids: ArrayLike
) -> IntArray:
    """Rows (N,) of the queries that have a true match: row i of a table is query ``matched_queries(…)[i]``."""
    pids, camids = label_pair(query_pids, query_camids, "query")
    return _rows_with_match(pids, camids, GalleryLabels(gallery_pids, gallery_camids))


def exit_scores(table: ExitTable) -> list[dict[str, str | float]]:
    """Average the outcomes over queries: one row an exit, as if every query left there.

    Columns are ``exit``, ``rank-1`` and the other hit ranks, ``mAP``, ``mINP`` and, with ties broken at worst and at
    best, ``mAP_pessimistic`` and ``mAP_optimistic``.
    """
    outcomes = table.outcomes
    scores: list[dict[str, str | float]] = []
    for index, name in enumerate(table.exits):
        bounds = outcomes.average_precision_bounds[:, index].mean(axis=0)
        hit_rates = outcomes.hits[:, index].mean(axis=0)
        scores.append(
            {
                "exit": name,
                **{f"rank-{k}": float(rate) for k, rate in zip(HIT_RANKS, hit_rates, strict=True)},
                "mAP": float(outcomes.average_precision[:, index].mean()),
                "mINP": float(outcomes.inverse_negative_penalty[:, index].mean()),
                "mAP_pessimistic": float(bounds[0]),
                "mAP_optimistic": float(bounds[1]),
            }
        )
    return scores


def _rows_with_match(pids: IntArray, camids: IntArray, gallery: GalleryLabels) -> IntArray:
    """Rows (N,) of queries (Q,) with a match; an error if there is none."""
    valid = gallery.has_match(pids, camids)
    require_match(valid, pids, camids, gallery)
    return np.flatnonzero(valid)


def _junk(query_pids: IntArray, query_camids: IntArray, gallery: GalleryLabels) -> NDArray[np.bool_]:
    """Which gallery images (Q, G) the protocol removes: the query's identity in its own view, and identity −1."""
    same_identity = gallery.pids[None, :] == query_pids[:, None]
    return (same_view(gallery.views[None], views(query_camids)[:, None]) & same_identity) | (gallery.pids == JUNK_PID)[
        None, :
    ]


def _check_embeddings(
    exits: Sequence[ExitSpec], embeddings: Sequence[ArrayLike], count: int, role: str
) -> list[NDArray[Any]]:
    """Check one array an exit against the exits' codes: as many rows as labels, as wide as the exit says."""
    if not exits:
        raise BenchError("a table needs at least one exit")
    if len(embeddings) != len(exits):
        raise BenchError(f"{role} embeddings must be one array an exit: {len(exits)} exits, {len(embeddings)} arrays")
    checked = []
    for spec, values in zip(exits, map(np.asarray, embeddings), strict=True):
        binary = spec.code == "binary"
        expected = (count, packed_width(spec.dim) if binary else spec.dim)
        kind = "packed codes, uint8" if binary else "floats"
        right_type = values.dtype == np.uint8 if binary else np.issubdtype(values.dtype, np.floating)
        if values.shape != expected or not right_type:
            raise BenchError(
                f"{role} embeddings of exit {spec.name} must be {kind} {expected}, as its {spec.dim} {spec.code} "
                f"dimensions and the {count} labels have it; found {values.dtype} {values.shape}"
            )
        checked.append(values)
    return checked
