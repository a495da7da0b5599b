"""Score embeddings without ever holding the distances between all queries and all of the gallery."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bench.errors import BenchError
from bench.retrieval.blocks import row_slices
from bench.retrieval.labels import search_labels
from bench.retrieval.matching import distances_between
from bench.retrieval.metrics import RankingScores, check_rule, score_blocks
from bench.retrieval.ranks import Ties
from bench.retrieval.ties import AveragePrecision

BLOCK_BYTES = 128 << 20
"""Bytes of distances held at once."""


def score_embeddings(
    query: ArrayLike,
    gallery: ArrayLike,
    query_pids: ArrayLike,
    gallery_pids: ArrayLike,
    query_camids: ArrayLike,
    gallery_camids: ArrayLike,
    *,
    ties: Ties = "expected",
    ap: AveragePrecision = "step",
    max_rank: int = 50,
) -> RankingScores:
    """Score embeddings of queries (Q, D) and gallery (G, D) as ``score_rankings`` scores their distances (Q, G).

    Embeddings are packed codes, uint8 (N, ceil(bits/8)), compared by Hamming distance, or floats, by Euclidean. Queries
    go through in blocks: beside the embeddings and the scores, memory holds two blocks of ``BLOCK_BYTES`` of distances
    (a query's at least), a copy of the gallery's codes and some 100 MB to work in, however many queries there are.
    Raises :class:`BenchError` where embeddings and labels do not fit.
    """
    check_rule(ties, ap, max_rank)
    labels = search_labels(query_pids, gallery_pids, query_camids, gallery_camids)
    queries, images = np.asarray(query), np.asarray(gallery)
    num_queries, num_gallery = len(labels.query_pids), len(labels.gallery.pids)
    if (queries.shape[:1], images.shape[:1]) != ((num_queries,), (num_gallery,)):
        raise BenchError(
            f"embeddings must be one row a label: {num_queries} queries and {num_gallery} gallery images; "
            f"found {queries.shape} and {images.shape}"
        )
    rows_at_once = max(1, BLOCK_BYTES // (4 * num_gallery))
    blocks = ((rows, distances_between(queries[rows], images)) for rows in row_slices(num_queries, rows_at_once))
    return score_blocks(blocks, labels, ties, ap, max_rank)
