"""Scores of rankings, against every permutation of tied images, scikit-learn and the protocol by hand."""

from __future__ import annotations

import itertools
from collections import Counter
from fractions import Fraction
from operator import mul

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from bench.errors import BenchError
from bench.retrieval.metrics import RankingScores, score_rankings
from bench.retrieval.ties import reciprocal_sum

MAX_RANK = 6


def list_scores(flags: tuple[bool, ...], ap: str) -> tuple[Fraction, Fraction, list[Fraction]]:
    """Score one ordered list of match flags, as the definitions read."""
    ranks = [rank for rank, flag in enumerate(flags, start=1) if flag]
    precision = Fraction(0)
    for number, rank in enumerate(ranks, start=1):
        here = Fraction(number, rank)
        if ap == "trapezoid":
            before = Fraction(1) if rank == 1 else Fraction(number - 1, rank - 1)
            here = (here + before) / 2
        precision += here
    hits = [Fraction(int(ranks[0] <= k)) for k in range(1, MAX_RANK + 1)]
    return precision / len(ranks), Fraction(len(ranks), ranks[-1]), hits


def all_orders(distances: list[int], flags: list[bool]) -> Counter[tuple[bool, ...]]:
    """Count the match flags of every permutation of the images that leaves distances ascending."""
    groups = [
        [flag for distance, flag in zip(distances, flags, strict=True) if distance == level]
        for level in sorted(set(distances))
    ]
    products = itertools.product(*(itertools.permutations(group) for group in groups))
    return Counter(tuple(itertools.chain.from_iterable(parts)) for parts in products)


def score_flags(distances: list[int], flags: list[bool], **options: object) -> RankingScores:
    """Score one query whose match flags are given: matches are person 1 in another camera, the rest person 2."""
    pids = [1 if flag else 2 for flag in flags]
    return score_rankings([distances], [1], pids, [0], [1] * len(flags), max_rank=MAX_RANK, **options)  # type: ignore[arg-type]


def small_cases() -> list[tuple[list[int], list[bool]]]:
    rng = np.random.default_rng(7)
    cases = [([5], [True]), ([0] * 6, [True] * 6), ([0] * 6, [False] * 5 + [True])]
    cases.append(([0] * 7, [True, False] * 3 + [True]))
    while len(cases) < 60:
        count = int(rng.integers(2, 8))
        distances = rng.integers(0, int(rng.integers(1, 4)), size=count).tolist()
        flags = (rng.random(count) < 0.5).tolist()
        if any(flags):
            cases.append((distances, flags))
    return cases


@pytest.mark.parametrize("ap", ["step", "trapezoid"])
def test_ties_agree_with_every_permutation(ap: str) -> None:
    for distances, flags in small_cases():
        orders = all_orders(distances, flags)
        precisions, penalties, hits = zip(*(list_scores(order, ap) for order in orders), strict=True)

        def mean(values: tuple[Fraction, ...], weights: Counter[tuple[bool, ...]] = orders) -> float:
            return float(sum(map(mul, values, weights.values())) / weights.total())

        expected = score_flags(distances, flags, ap=ap)
        assert expected.mean_ap == pytest.approx(mean(precisions), abs=1e-12)
        assert expected.mean_inp == pytest.approx(mean(penalties), abs=1e-12)
        np.testing.assert_allclose(
            expected.cmc, [mean(column) for column in zip(*hits, strict=True)], rtol=0, atol=1e-12
        )
        for ties, pick in (("optimistic", max), ("pessimistic", min)):
            bound = score_flags(distances, flags, ap=ap, ties=ties)
            assert bound.mean_ap == pytest.approx(float(pick(precisions)), abs=1e-12)
            assert bound.mean_inp == pytest.approx(float(pick(penalties)), abs=1e-12)
            np.testing.assert_array_equal(bound.cmc, [float(pick(column)) for column in zip(*hits, strict=True)])


@pytest.mark.parametrize("ap", ["step", "trapezoid"])
def test_stable_takes_tied_images_in_gallery_order(ap: str) -> None:
    for distances, flags in small_cases():
        order = sorted(range(len(flags)), key=lambda index: (distances[index], index))
        precision, penalty, hits = list_scores(tuple(flags[index] for index in order), ap)
        scores = score_flags(distances, flags, ap=ap, ties="stable")
        assert scores.mean_ap == pytest.approx(float(precision), abs=1e-12)
        assert scores.mean_inp == pytest.approx(float(penalty), abs=1e-12)
        np.testing.assert_array_equal(scores.cmc, [float(hit) for hit in hits])


def test_large_tie_groups_agree_with_sampled_orders() -> None:
    rng = np.random.default_rng(0)
    distances, flags = rng.integers(0, 4, size=200), rng.random(200) < 0.05
    exact = score_flags(distances.tolist(), flags.tolist())
    samples = [
        list_scores(tuple(flags[np.lexsort((rng.random(200), distances))].tolist()), "step")[:2] for _ in range(4000)
    ]
    mean_ap, mean_inp = np.array(samples, dtype=np.float64).mean(axis=0)
    assert exact.mean_ap == pytest.approx(mean_ap, abs=0.004)
    assert exact.mean_inp == pytest.approx(mean_inp, abs=0.001)


@pytest.mark.parametrize("before", [0, 1, 30, 63, 64, 65, 10**4, 10**7])
@pytest.mark.parametrize("count", [1, 2, 40, 1000])
def test_reciprocal_sums_keep_their_digits(before: int, count: int) -> None:
    exact = float(sum((Fraction(1, before + number) for number in range(1, min(count, 40) + 1)), Fraction(0)))
    exact += float(np.sum(1.0 / (before + np.arange(41, count + 1, dtype=np.longdouble)), dtype=np.longdouble))
    assert reciprocal_sum(np.array([before]), np.array([count]))[0] == pytest.approx(exact, rel=2e-15)


def test_untied_lists_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    distances = rng.permuted(np.tile(np.arange(300.0), (20, 1)), axis=1)
    query_pids, gallery_pids = rng.integers(1, 12, size=20), rng.integers(1, 12, size=300)
    for ties in ("expected", "stable", "optimistic", "pessimistic"):
        scores = score_rankings(distances, query_pids, gallery_pids, [0] * 20, [1] * 300, ties=ties)
        expected = [
            average_precision_score(gallery_pids == pid, -row) for pid, row in zip(query_pids, distances, strict=True)
        ]
        np.testing.assert_allclose(scores.average_precision, expected, rtol=1e-12)


def test_lists_without_their_junk_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    distances = rng.permuted(np.tile(np.arange(400, dtype=np.float32), (30, 1)), axis=1)
    query_pids, gallery_pids = rng.integers(1, 12, size=30), rng.integers(-1, 12, size=400)
    query_camids, gallery_camids = rng.integers(0, 3, size=30), rng.integers(0, 3, size=400)
    scores = score_rankings(distances, query_pids, gallery_pids, query_camids, gallery_camids)
    for row, pid, camid, found in zip(distances, query_pids, query_camids, scores.average_precision, strict=True):
        kept = (gallery_pids != -1) & ~((gallery_pids == pid) & (gallery_camids == camid))
        assert found == pytest.approx(average_precision_score(gallery_pids[kept] == pid, -row[kept]), rel=1e-12)


def test_the_four_rules_agree_to_the_last_digit_without_ties() -> None:
    rng = np.random.default_rng(2)
    distances = rng.permuted(np.tile(np.arange(500), (10, 1)), axis=1)
    labels = (rng.integers(0, 9, size=10), rng.integers(0, 9, size=500), [0] * 10, [1] * 500)
    stable = score_rankings(distances, *labels, ties="stable")
    for ties in ("expected", "optimistic", "pessimistic"):
        scores = score_rankings(distances, *labels, ties=ties)
        np.testing.assert_array_equal(scores.cmc, stable.cmc)
        np.testing.assert_allclose(scores.average_precision, stable.average_precision, rtol=1e-15)
        np.testing.assert_allclose(scores.inverse_negative_penalty, stable.inverse_negative_penalty, rtol=1e-15)


class TestMarketProtocol:
    """One query of person 7 in camera 1."""

    def score(
        self, *gallery: tuple[int, int], distances: list[float] | None = None, **options: object
    ) -> RankingScores:
        pids, camids = zip(*gallery, strict=True)
        row = list(range(len(gallery))) if distances is None else distances
        return score_rankings([row], [7], pids, [1], camids, **options)  # type: ignore[arg-type]

    def test_same_person_in_the_same_camera_is_junk(self) -> None:
        assert self.score((7, 1), (7, 2), (3, 2)).average_precision[0] == 1

    def test_identity_minus_one_is_junk_in_any_camera(self) -> None:
        assert self.score((-1, 2), (-1, 1), (7, 2)).average_precision[0] == 1

    def test_distractors_count_as_wrong(self) -> None:
        scores = self.score((0, 2), (7, 2))
        assert scores.average_precision[0] == 0.5
        assert scores.rank(1) == 0
        assert scores.rank(2) == 1

    def test_another_person_in_the_same_camera_counts_as_wrong(self) -> None:
        assert self.score((3, 1), (7, 2)).average_precision[0] == 0.5

    def test_junk_level_with_a_match_is_no_tie(self) -> None:
        for ties in ("expected", "stable", "optimistic", "pessimistic"):
            scores = self.score((7, 1), (-1, 3), (7, 2), (3, 2), distances=[0, 0, 0, 1], ties=ties)
            assert scores.mean_ap == scores.mean_inp == scores.rank(1) == 1

    def test_trapezoid_of_a_single_match_at_rank_two(self) -> None:
        assert self.score((3, 2), (7, 2), ap="trapezoid").average_precision[0] == 0.25

    def test_inverse_negative_penalty_is_matches_over_the_last_rank(self) -> None:
        assert self.score((7, 2), (3, 2), (7, 3), (7, 1), (7, 4)).inverse_negative_penalty[0] == 0.75

    def test_curve_of_a_short_gallery_is_padded(self) -> None:
        scores = self.score((3, 2), (7, 2), max_rank=10)
        np.testing.assert_array_equal(scores.cmc, [0] + [1] * 9)

    def test_a_query_without_match_is_left_out_of_the_means(self) -> None:
        scores = score_rankings([[0, 1]] * 4, [3, 7, -1, 9], [3, 7], [0, 0, 0, 0], [1, 1], max_rank=2)
        np.testing.assert_array_equal(scores.valid, [True, True, False, False])
        np.testing.assert_array_equal(scores.average_precision, [1, 0.5, np.nan, np.nan])
        np.testing.assert_array_equal(scores.inverse_negative_penalty, [1, 0.5, np.nan, np.nan])
        np.testing.assert_array_equal(scores.hits, [[1, 1], [0, 1], [np.nan] * 2, [np.nan] * 2])
        assert (scores.mean_ap, scores.mean_inp, scores.rank(1)) == (0.75, 0.75, 0.5)


class TestErrors:
    """Mistakes of users and their messages."""

    def test_distances_that_are_not_finite_name_the_query(self) -> None:
        for wrong in (np.nan, np.inf, -np.inf):
            distances = np.ones((3, 2))
            distances[2, 1] = wrong
            with pytest.raises(BenchError, match="query 2 and gallery image 1"):
                score_rankings(distances, [1, 1, 1], [1, 1], [0, 0, 0], [1, 1])

    def test_lengths_that_do_not_fit(self) -> None:
        with pytest.raises(BenchError, match=r"\(2, 3\).*transposed"):
            score_rankings(np.ones((3, 2)), [1, 1], [1, 1, 1], [0, 0], [1, 1, 1])
        with pytest.raises(BenchError, match="gallery has 3 identities but 2 cameras"):
            score_rankings(np.ones((2, 3)), [1, 1], [1, 1, 1], [0, 0], [1, 1])

    def test_one_camera_for_all(self) -> None:
        with pytest.raises(BenchError, match="query and gallery all have camera 0"):
            score_rankings(np.ones((2, 2)), [1, 2], [1, 2], [0, 0], [0, 0])

    def test_matches_in_the_own_camera_alone(self) -> None:
        with pytest.raises(BenchError, match="query's own camera"):
            score_rankings(np.ones((2, 2)), [1, 2], [1, 2], [0, 1], [0, 1])

    def test_identities_that_do_not_overlap(self) -> None:
        with pytest.raises(BenchError, match="share no identity"):
            score_rankings(np.ones((1, 2)), [1], [2, 3], [0], [0, 1])

    def test_empty_and_junk_galleries(self) -> None:
        with pytest.raises(BenchError, match="gallery is empty"):
            score_rankings(np.ones((1, 0)), [1], [], [0], [])
        with pytest.raises(BenchError, match="junk"):
            score_rankings(np.ones((1, 1)), [1], [-1], [0], [1])
        with pytest.raises(BenchError, match="no query"):
            score_rankings(np.ones((0, 1)), [], [1], [], [1])

    def test_labels_as_strings(self) -> None:
        with pytest.raises(BenchError, match="query identities must be whole numbers"):
            score_rankings(np.ones((1, 1)), ["1"], [1], [0], [1])

    def test_unknown_options(self) -> None:
        with pytest.raises(BenchError, match="ties must be one of expected"):
            score_rankings([[1]], [1], [1], [0], [1], ties="random")  # type: ignore[arg-type]
        with pytest.raises(BenchError, match="ap must be one of step, trapezoid"):
            score_rankings([[1]], [1], [1], [0], [1], ap="11-point")  # type: ignore[arg-type]
        with pytest.raises(BenchError, match="max_rank"):
            score_rankings([[1]], [1], [1], [0], [1], max_rank=0)
        with pytest.raises(BenchError, match="rank-60"):
            score_rankings([[1]], [1], [1], [0], [1]).rank(60)
