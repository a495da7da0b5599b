"""Cumulative matching with one gallery image a person, as CUHK03's first protocol has it, without drawing at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.errors import BenchError
from bench.retrieval.labels import search_labels
from bench.retrieval.metrics import check_choice, check_distances
from bench.retrieval.ranks import require_finite
from bench.retrieval.ties import FloatArray, IntArray

SingleShotTies = Literal["expected", "optimistic", "pessimistic"]


@dataclass(frozen=True)
class SingleShotScores:
    """Cumulative matching of Q queries, expected over the choice of one gallery image a person."""

    valid: NDArray[np.bool_]
    """(Q,) whether the query has a match; the others are NaN below and left out of the means."""
    hits: FloatArray
    """(Q, max_rank) probability that the match is among the first k people."""
    ties: SingleShotTies
    """How images at equal distance were ordered."""

    @property
    def cmc(self) -> FloatArray:
        """(max_rank,) mean probability over valid queries of a match among the first k people."""
        return self.hits[self.valid].mean(axis=0)


def score_single_shot(
    distances: ArrayLike,
    query_pids: ArrayLike,
    gallery_pids: ArrayLike,
    query_camids: ArrayLike,
    gallery_camids: ArrayLike,
    *,
    ties: SingleShotTies = "expected",
    max_rank: int = 20,
) -> SingleShotScores:
    """Score distances (Q, G) as if each person had one gallery image, drawn evenly from those the query may find.

    Junk (the query's person in its own camera, and identity −1) leaves first; every other identity, distractors'
    included, is one person (Li et al., "DeepReID", CVPR 2014, and the evaluators that draw ten times or a hundred).
    Nothing is drawn here. Given the match that was drawn, other people come before it independently of each other,
    each with the share of their images that are closer. Of people level with it, each comes first with
    probability u where the match stands at place u of [0, 1) among them; the mean over u is a polynomial's, which
    Gauss–Legendre quadrature gives exactly. ``optimistic`` is u = 0 and ``pessimistic`` u = 1.
    """
    check_choice("ties", ties, get_args(SingleShotTies))
    if max_rank < 1:
        raise BenchError(f"max_rank must be 1 or more; found {max_rank}")
    labels = search_labels(query_pids, gallery_pids, query_camids, gallery_camids)
    values = check_distances(distances, len(labels.query_pids), len(labels.gallery.pids))
    kept = labels.gallery.kept
    pids, camids = labels.gallery.pids[kept], labels.gallery.camids[kept]
    hits = np.full((len(values), max_rank), np.nan)
    for query in np.flatnonzero(labels.valid):
        row = values[query, kept]
        require_finite(row[None], int(query))
        own = pids == labels.query_pids[query]
        matches = row[own & (camids != labels.query_camids[query])]
        hits[query] = _expected_hits(matches, row[~own], pids[~own], ties, max_rank)
    return SingleShotScores(labels.valid, hits, ties)


def _expected_hits(
    matches: NDArray[Any], others: NDArray[Any], pids: IntArray, ties: SingleShotTies, max_rank: int
) -> FloatArray:
    """Expect hits (max_rank,) from distances of the matches (M,) and of other people's images (N,), with who they show.

    The number of people before the match is a sum of independent yes and no; it is built up a person at a time.
    """
    people, person = np.unique(pids, return_inverse=True)
    images = np.bincount(person, minlength=len(people))
    closer, level = (
        np.stack([np.bincount(person, where, minlength=len(people)) / images for where in place])
        for place in (others < matches[:, None], others == matches[:, None])
    )  # (M, people)
    places, weights = _places_among_ties(ties, int((level > 0).sum(axis=1).max(initial=0)))
    chances = closer[:, :, None] + places * level[:, :, None]  # (M, people, places)
    before = np.zeros((max_rank, len(matches), len(places)))  # probability that so many people are before the match
    before[0] = 1.0
    for chance in chances.swapaxes(0, 1):
        passed = before[:-1] * chance
        before *= 1.0 - chance
        before[1:] += passed
    return np.cumsum((before @ weights).mean(axis=1))


def _places_among_ties(ties: SingleShotTies, most_level: int) -> tuple[FloatArray, FloatArray]:
    """Places u (n,) of a match among level people, and their weights (n,): exact up to degree ``most_level`` in u."""
    if ties != "expected":
        return np.array([0.0 if ties == "optimistic" else 1.0]), np.ones(1)
    nodes, weights = np.polynomial.legendre.leggauss(most_level // 2 + 1)
    return (nodes + 1) / 2, weights / 2
