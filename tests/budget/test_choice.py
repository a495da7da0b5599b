import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from bench.budget.choice import accepted, best_within, level_of_each, upper_bounds

POINTS = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 4)), min_size=1, max_size=12)


@given(POINTS, st.integers(0, 7))
def test_nothing_affordable_is_better_or_as_good_and_cheaper(points, budget):
    costs, scores = (np.array(column, dtype=float) for column in zip(*points, strict=True))
    chosen = best_within(costs, scores, budget)
    affordable = [(-score, cost) for cost, score in points if cost <= budget]
    if not affordable:
        assert chosen is None
        return
    assert chosen is not None
    assert (-scores[chosen], costs[chosen]) == min(affordable)


def test_people_with_equally_many_queries_are_a_t_test():
    generator = np.random.default_rng(0)
    losses = generator.normal(0.02, 0.1, size=(3, 24))
    pids = np.repeat(np.arange(8), 3)
    found = upper_bounds(losses, pids, 0.9)
    for loss, bound in zip(losses, found, strict=True):
        people = loss.reshape(8, 3).mean(axis=1)
        interval = ttest_1samp(people, 0, alternative="less").confidence_interval(0.9)
        assert bound == pytest.approx(interval.high)


def test_queries_of_one_person_count_as_one_observation():
    losses = np.array([[0.3, -0.1, 0.2, 0.0]])
    pids = np.array([1, 2, 3, 4])
    repeated = upper_bounds(np.repeat(losses, 5, axis=1), np.repeat(pids, 5), 0.95)
    assert repeated == pytest.approx(upper_bounds(losses, pids, 0.95))
    assert upper_bounds(losses, np.zeros(4, dtype=int), 0.95) == np.inf


def test_people_with_more_queries_weigh_more():
    """The bound is on the mean over queries, as the metrics are."""
    losses, pids = np.array([[1.0, 0.0, 0.0, 0.0]]), np.array([1, 2, 2, 2])
    (bound,) = upper_bounds(losses, pids, 0.5)
    assert bound == pytest.approx(0.25)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=10), st.floats(-1, 1))
def test_a_point_is_accepted_if_all_dearer_ones_are(bounds, allowed):
    found = accepted(np.array(bounds), allowed)
    expected = [index for index in range(len(bounds)) if all(bound <= allowed for bound in bounds[index:])]
    assert sorted(found) == expected


@pytest.mark.parametrize(("people", "curves"), [(40, 1), (40, 4)])
def test_a_wrong_acceptance_is_as_rare_as_promised(people, curves):
    """Losses of known means; people differ, and each has a few queries that differ too."""
    generator = np.random.default_rng(people + curves)
    truth = np.linspace(0.05, 0.0, 6)  # the cheapest point loses the most
    allowed, trials, wrong = 0.02, 600, 0
    confidence = level_of_each(0.9, range(curves))
    for _ in range(trials):
        queries = generator.integers(1, 6, size=people)
        pids = np.repeat(np.arange(people), queries)
        failed = False
        for _ in range(curves):
            shape = np.concatenate([np.repeat(generator.normal(0, 0.05, people), queries)])
            noise = generator.normal(0, 0.1, size=(len(truth), len(pids)))
            losses = truth[:, None] + shape + noise
            failed |= any(truth[index] > allowed for index in accepted(upper_bounds(losses, pids, confidence), allowed))
        wrong += failed
    # 10 % are promised; the standard error of 600 trials is 1.2 points.
    assert wrong / trials < 0.1 + 3 * 0.012
    assert wrong
