"""Average precision, cumulative matching and inverse negative penalty under the single-query protocol of Market-1501.

For a query of identity p in camera c, gallery images of p in c and images of identity −1 are *junk*: they leave the
list before ranks are counted, and neither cost nor gain. Images of p in other cameras are matches. All else is
wrong, the distractors (identity 0 in Market-1501) and other people in camera c included. Where cameras come with the
clothes beside them, (N, 2), images of p in the query's clothes are junk as well (LTCC's cloth-changing setting).
(Zheng et al., "Scalable Person Re-identification: A Benchmark", 2015, and the evaluation kit that came with it.)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError
from bench.retrieval.labels import SearchLabels, search_labels
from bench.retrieval.ranks import Ties, locate_matches
from bench.retrieval.ties import AveragePrecision, FloatArray


@dataclass(frozen=True)
class RankingScores:
    """Scores per query (Q,) and their means over the valid queries, with the variant they were counted in."""

    valid: NDArray[np.bool_]
    """(Q,) whether the query has a match; the others are NaN below and left out of the means."""
    average_precision: FloatArray
    """(Q,) in [0, 1]."""
    inverse_negative_penalty: FloatArray
    """(Q,) in [0, 1]: matches over the rank of the last match."""
    hits: FloatArray
    """(Q, max_rank) probability that a match is among the first k; 0 or 1 where order is settled."""
    ties: Ties
    """How images at equal distance were ordered."""
    ap: AveragePrecision
    """Which average precision was counted."""

    @property
    def cmc(self) -> FloatArray:
        """(max_rank,) share of valid queries with a match among the first k."""
        return self.hits[self.valid].mean(axis=0)

    @property
    def mean_ap(self) -> float:
        """Mean of the average precision over valid queries."""
        return float(self.average_precision[self.valid].mean())

    @property
    def mean_inp(self) -> float:
        """Mean of the inverse negative penalty over valid queries."""
        return float(self.inverse_negative_penalty[self.valid].mean())

    def rank(self, k: int) -> float:
        """Share of valid queries with a match among the first ``k``.

        Raises :class:`BenchError` for a ``k`` beyond the ranks that were scored.
        """
        max_rank = self.hits.shape[1]
        if not 1 <= k <= max_rank:
            raise BenchError(f"rank-{k} was not counted: ranks 1 to {max_rank} were; raise max_rank to go deeper")
        return float(self.hits[self.valid, k - 1].mean())


def score_rankings(
    distances: ArrayLike,
    query_pids: ArrayLike,
    gallery_pids: ArrayLike,
    query_camids: ArrayLike,
    gallery_camids: ArrayLike,
    *,
    ties: Ties = "expected",
    ap: AveragePrecision = "step",
    max_rank: int = 50,
) -> RankingScores:
    """Score distances (Q, G) under the protocol of this module; smaller is more alike.

    ``ties`` says what equal distances count as: ``expected``, the exact mean over all orders of the tied images;
    ``stable``, the order of the gallery; ``optimistic`` and ``pessimistic``, matches first and last. ``ap`` is
    ``step``, the mean of i/r_i over matches, or ``trapezoid``, as in the Matlab kit and DaRe's code. Ranks beyond
    the end of a short gallery repeat its last value.

    Holds a few megabytes a core beside the distances; :func:`bench.retrieval.streaming.score_embeddings` never holds
    all the distances.
    """
    check_rule(ties, ap, max_rank)
    labels = search_labels(query_pids, gallery_pids, query_camids, gallery_camids)
    values = check_distances(distances, len(labels.query_pids), len(labels.gallery.pids))
    return score_blocks([(slice(0, len(values)), values)], labels, ties, ap, max_rank)


def score_blocks(
    blocks: Iterable[tuple[slice, NDArray[Any]]],
    labels: SearchLabels,
    ties: Ties,
    ap: AveragePrecision,
    max_rank: int,
) -> RankingScores:
    """Score distances (Q, G) that come as blocks (rows, G) of consecutive queries, and need not exist all at once."""
    pids, camids = labels.query_pids, labels.query_camids
    parts = [
        locate_matches(
            distances, pids[rows], camids[rows], labels.gallery, stable=ties == "stable", first_query=rows.start
        ).score(ties, ap, max_rank)
        for rows, distances in blocks
    ]
    return RankingScores(
        valid=labels.valid,
        average_precision=np.concatenate([part.average_precision for part in parts]),
        inverse_negative_penalty=np.concatenate([part.inverse_negative_penalty for part in parts]),
        hits=np.concatenate([part.hits for part in parts]),
        ties=ties,
        ap=ap,
    )


def check_rule(ties: Ties, ap: AveragePrecision, max_rank: int) -> None:
    """Raise BenchError unless rankings can be scored under this rule for ties, average precision and depth."""
    check_choice("ties", ties, get_args(Ties))
    check_choice("ap", ap, get_args(AveragePrecision))
    if max_rank < 1:
        raise BenchError(f"max_rank must be 1 or more; found {max_rank}")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise BenchError unless ``value`` is one of ``choices``."""
    if value not in choices:
        raise BenchError(f"{name} must be one of {', '.join(choices)}; found {value!r}")


def check_distances(distances: ArrayLike, num_queries: int, num_gallery: int) -> NDArray[Any]:
    """Check distances (Q, G): real numbers, a row a query, a column a gallery image.

    Raises :class:`BenchError` where they are not.
    """
    values = np.asarray(distances)
    if values.dtype.kind not in "iuf":
        raise BenchError(f"distances must be numbers; found {values.dtype}")
    if values.shape != (num_queries, num_gallery):
        raise BenchError(
            f"distances must be (queries, gallery) = ({num_queries}, {num_gallery}), as many as there are labels; "
            f"found {values.shape}" + (" — transposed?" if values.shape == (num_gallery, num_queries) else "")
        )
    return values
