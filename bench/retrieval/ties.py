"""Scores of ranked lists with tied distances, in closed form.

Hamming distances tie by the hundred, and the order of tied images says nothing on the method. All that a score needs
of a ranked list is how many images are closer than each match and how many are level with it: :class:`TieGroups`. From
there a list is scored under the best order of its ties, the worst, or as the exact
expectation over all orders, each as likely as the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
AveragePrecision = Literal["step", "trapezoid"]


@dataclass(frozen=True)
class TieGroups:
    """Sets of kept gallery images level in distance, with a match among them: (T,), by query, then distance."""

    num_queries: int
    """Q, queries without a match included."""
    query: IntArray
    """(T,) row of the query."""
    before: IntArray
    """(T,) kept images that are closer."""
    size: IntArray
    """(T,) kept images at this distance."""
    matches: IntArray
    """(T,) matches at this distance, at least one."""
    matches_before: IntArray
    """(T,) matches that are closer."""

    @property
    def totals(self) -> FloatArray:
        """(Q,) matches of each query."""
        return _sum_by_query(self.query, self.matches, self.num_queries)


@dataclass(frozen=True)
class PlacedMatches:
    """Matches with one definite rank each: (M,) of them, by query, then rank."""

    num_queries: int
    query: IntArray
    """(M,) row of the query."""
    ranks: IntArray
    """(M,) ranks in the kept list, from 1."""


@dataclass(frozen=True)
class QueryScores:
    """Scores of Q queries; NaN where a query has no match."""

    average_precision: FloatArray
    """(Q,) in [0, 1]."""
    inverse_negative_penalty: FloatArray
    """(Q,) in [0, 1]."""
    hits: FloatArray
    """(Q, max_rank) probability of a match among the first k."""


def place(groups: TieGroups, order: Literal["optimistic", "pessimistic"]) -> PlacedMatches:
    """Put the matches of every tie group (T,) first in it, or last."""
    first = np.cumsum(groups.matches) - groups.matches
    within = np.arange(groups.matches.sum()) - np.repeat(first, groups.matches)
    start = groups.before + 1
    if order == "pessimistic":
        start = start + groups.size - groups.matches
    return PlacedMatches(
        num_queries=groups.num_queries,
        query=np.repeat(groups.query, groups.matches),
        ranks=np.repeat(start, groups.matches) + within,
    )


def placed_scores(placed: PlacedMatches, ap: AveragePrecision, max_rank: int) -> QueryScores:
    """Score matches (M,) that have definite ranks.

    ``step`` is the mean over matches of i/r_i; ``trapezoid`` averages it with (i−1)/(r_i−1), taken as 1 at rank 1
    (compute_ap.cpp of Oxford5k, and the Matlab kit of Market-1501). The inverse negative penalty is matches over
    the last match's rank (Ye et al., AGW, 2021).
    """
    num_queries, query, ranks = placed.num_queries, placed.query, placed.ranks
    totals = _sum_by_query(query, np.ones(len(query)), num_queries)
    firsts = np.searchsorted(query, np.arange(num_queries))
    number = np.arange(len(ranks)) - firsts[query] + 1
    precision = number / ranks
    if ap == "trapezoid":
        precision_before = np.where(ranks == 1, 1.0, (number - 1) / np.maximum(ranks - 1, 1))
        precision = (precision + precision_before) / 2
    first, last = np.flatnonzero(np.diff(query, prepend=-1)), np.flatnonzero(np.diff(query, append=-1))
    first_rank, last_rank = np.full(num_queries, np.inf), np.zeros(num_queries)
    first_rank[query[first]], last_rank[query[last]] = ranks[first], ranks[last]
    hits = (first_rank[:, None] <= np.arange(1, max_rank + 1)).astype(np.float64)
    hits[totals == 0] = np.nan
    return QueryScores(
        average_precision=_divide(_sum_by_query(query, precision, num_queries), totals),
        inverse_negative_penalty=_divide(totals, last_rank),
        hits=hits,
    )


def expected_scores(groups: TieGroups, ap: AveragePrecision, max_rank: int) -> QueryScores:
    """Score tie groups (T,) by the exact expectation over uniformly random order within each group."""
    totals = groups.totals
    sums = _sum_by_query(groups.query, _expected_precision(groups, ap), groups.num_queries)
    return QueryScores(
        average_precision=np.minimum(_divide(sums, totals), 1.0),  # a last digit may stick out
        inverse_negative_penalty=_expected_inverse_negative_penalty(groups, totals),
        hits=_expected_hits(groups, max_rank),
    )


def _expected_precision(groups: TieGroups, ap: AveragePrecision) -> FloatArray:
    """Sum, for each group (T,), the precision at its matches.

    Position j of t holds one of the a matches with probability a/t; given that it does, (j−1)(a−1)/(t−1) others are
    expected before it in the group. With b images and g matches closer, the expected sum of i/r is
    a/t Σ_j (g + 1 + (j−1)(a−1)/(t−1)) / (b + j), which needs the sum of reciprocals alone.
    """
    size, matches, before = (values.astype(np.float64) for values in (groups.size, groups.matches, groups.before))
    found = groups.matches_before.astype(np.float64)
    slope = (matches - 1) / np.maximum(size - 1, 1)
    reciprocals = reciprocal_sum(groups.before, groups.size)
    precision = (found + 1) * reciprocals + slope * (size - (before + 1) * reciprocals)
    if ap == "trapezoid":
        # Σ_j (g + (j−1) slope) / (b + j − 1). At the top of the list, rank 1 counts as 1, every further one as slope.
        shifted = reciprocal_sum(np.maximum(groups.before - 1, 0), groups.size)
        further_down = found * shifted + slope * (size - before * shifted)
        precision_before = np.where(before == 0, 1 + slope * (size - 1), further_down)
        precision = (precision + precision_before) / 2
    return matches / size * precision


def _expected_inverse_negative_penalty(groups: TieGroups, totals: FloatArray) -> FloatArray:
    """Expect m / (rank of the last match), (Q,), over the position J of the last of a matches in the last t images.

    P(J = t) = a/t, and P(J = j−1) = P(J = j) (j − a)/(j − 1), which no binomial coefficient can overflow.
    """
    expected = np.full(groups.num_queries, np.nan)
    last = np.flatnonzero(np.diff(groups.query, append=-1))
    inverse_rank = 1.0 / (groups.before[last] + groups.size[last])
    single = groups.matches[last] == 1
    rows = last[single]
    inverse_rank[single] = reciprocal_sum(groups.before[rows], groups.size[rows]) / groups.size[rows]
    for index in np.flatnonzero(~single & (groups.size[last] > groups.matches[last])):
        before, size, matches = (int(values[last[index]]) for values in (groups.before, groups.size, groups.matches))
        positions = np.arange(size, matches - 1, -1, dtype=np.float64)
        chances = np.cumprod(np.concatenate([[matches / size], (positions[:-1] - matches) / (positions[:-1] - 1)]))
        inverse_rank[index] = np.sum(chances / (before + positions))
    expected[groups.query[last]] = inverse_rank * totals[groups.query[last]]
    return expected


def _expected_hits(groups: TieGroups, max_rank: int) -> FloatArray:
    """Expect a match among the first k, (Q, max_rank): hypergeometric in the first group that holds one."""
    hits = np.full((groups.num_queries, max_rank), np.nan)
    first = np.flatnonzero(np.diff(groups.query, prepend=-1))
    position_in_group = np.arange(1, max_rank + 1)[None, :] - groups.before[first][:, None]
    size, matches = groups.size[first][:, None], groups.matches[first][:, None]
    left = size - position_in_group + 1  # images of the group from this position on, if no match came before it
    inside = (position_in_group >= 1) & (left >= 1)
    missed = np.where(inside, np.maximum(left - matches, 0) / np.maximum(left, 1), 1.0)
    hits[groups.query[first]] = 1.0 - np.cumprod(missed, axis=1)
    return hits


_TABLE_END = 64
_HARMONIC = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, _TABLE_END + 1))])


def reciprocal_sum(before: IntArray, count: IntArray) -> FloatArray:
    """Sum 1/(b+1) + … + 1/(b+t), (T,) for (T,) values of b and t.

    A table up to 64 and, beyond it, the difference of two Euler–Maclaurin series of the harmonic number, with
    their logarithms taken together: b may be in the millions and no digit is lost to cancellation.
    """
    end = before + count
    head = _HARMONIC[np.minimum(end, _TABLE_END)] - _HARMONIC[np.minimum(before, _TABLE_END)]
    low = np.maximum(before, _TABLE_END).astype(np.float64)
    high = np.maximum(end, _TABLE_END).astype(np.float64)
    tail = np.log1p((high - low) / low) + _harmonic_correction(high) - _harmonic_correction(low)
    return np.where(count == 1, 1.0 / (before + 1.0), head + tail)


def _harmonic_correction(number: FloatArray) -> FloatArray:
    """H(n) − ln n − γ: 1/2n − 1/12n² + 1/120n⁴ − 1/252n⁶, within 1e−16 from n = 64 on."""
    squared = number**-2
    return 0.5 / number - squared * (1 / 12 - squared * (1 / 120 - squared / 252))


def _sum_by_query(query: IntArray, values: NDArray[Any], num_queries: int) -> FloatArray:
    """Add up values (n,) by query, (Q,)."""
    return np.bincount(query, weights=values, minlength=num_queries).astype(np.float64)


def _divide(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Divide (Q,) by (Q,), NaN where the denominator is 0: a query without a match."""
    return np.divide(numerator, denominator, out=np.full(len(numerator), np.nan), where=denominator > 0)
