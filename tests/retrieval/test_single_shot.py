from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

from bench.errors import BenchError
from bench.retrieval.metrics import score_rankings
from bench.retrieval.single_shot import score_single_shot

MAX_RANK = 5


def hits_by_enumeration(distances: list[int], pids: list[int], camids: list[int]) -> dict[str, list[Fraction]]:
    """Expect hits of one query of person 1 in camera 0 over every choice of images and every order of ties."""
    kept = [
        (distance, pid)
        for distance, pid, camid in zip(distances, pids, camids, strict=True)
        if pid != -1 and not (pid == 1 and camid == 0)
    ]
    people = sorted({pid for _, pid in kept})
    choices = list(itertools.product(*([d for d, pid in kept if pid == person] for person in people)))
    sums = {ties: [Fraction(0)] * MAX_RANK for ties in ("expected", "optimistic", "pessimistic")}
    for choice in choices:
        match = choice[people.index(1)]
        closer = sum(distance < match for distance in choice)
        level = sum(distance == match for distance in choice)
        for k in range(1, MAX_RANK + 1):
            sums["optimistic"][k - 1] += closer + 1 <= k
            sums["pessimistic"][k - 1] += closer + level <= k
            sums["expected"][k - 1] += Fraction(min(max(k - closer, 0), level), level)
    return {ties: [value / len(choices) for value in values] for ties, values in sums.items()}


@pytest.mark.parametrize("seed", range(60))
def test_expectation_agrees_with_every_choice_of_images(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 11))
    distances = [*rng.integers(0, int(rng.integers(1, 7)), size=count).tolist(), 2]
    pids = [*rng.integers(-1, 6, size=count).tolist(), 1]
    camids = [*rng.integers(0, 3, size=count).tolist(), 1]
    for ties, exact in hits_by_enumeration(distances, pids, camids).items():
        scores = score_single_shot([distances], [1], pids, [0], camids, ties=ties, max_rank=MAX_RANK)  # type: ignore[arg-type]
        np.testing.assert_allclose(scores.cmc, [float(value) for value in exact], rtol=0, atol=1e-12)


def test_hundreds_of_level_people_share_every_rank() -> None:
    scores = score_single_shot(np.zeros((1, 300)), [7], np.arange(300), [0], [1] * 300, max_rank=300)
    np.testing.assert_allclose(scores.cmc, np.arange(1, 301) / 300, rtol=0, atol=1e-12)


def test_one_image_a_person_is_ordinary_cumulative_matching() -> None:
    rng = np.random.default_rng(0)
    distances = rng.integers(0, 30, size=(40, 40))
    labels = (rng.permutation(40), rng.permutation(40), [0] * 40, [1] * 40)
    for ties in ("expected", "optimistic", "pessimistic"):
        shot = score_single_shot(distances, *labels, ties=ties, max_rank=20)
        np.testing.assert_allclose(shot.cmc, score_rankings(distances, *labels, ties=ties, max_rank=20).cmc, atol=1e-12)


def test_a_query_without_match_is_left_out_of_the_mean() -> None:
    scores = score_single_shot([[0, 1]] * 2, [3, 9], [3, 7], [0, 0], [1, 1], max_rank=2)
    np.testing.assert_array_equal(scores.valid, [True, False])
    np.testing.assert_array_equal(scores.hits, [[1, 1], [np.nan] * 2])
    np.testing.assert_array_equal(scores.cmc, [1, 1])


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(BenchError, match="must be finite"):
        score_single_shot([[np.nan]], [1], [1], [0], [1])
    with pytest.raises(BenchError, match="ties must be one of expected, optimistic, pessimistic"):
        score_single_shot([[0]], [1], [1], [0], [1], ties="stable")  # type: ignore[arg-type]
    with pytest.raises(BenchError, match="max_rank"):
        score_single_shot([[0]], [1], [1], [0], [1], max_rank=0)
    with pytest.raises(BenchError, match="transposed"):
        score_single_shot([[0], [1]], [1], [1, 2], [0], [1, 1])
