import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.budget.curve_area import closed, cost_to_reach, mean_height, reaches

ENDS = np.array([10.0, 20.0])


def test_mean_height_by_hand():
    costs = np.array([[10.0, 15.0, 20.0], [10.0, 12.0, 20.0]])
    scores = np.array([[0.0, 1.0, 1.0], [0.5, 0.5, 0.5]])
    # A triangle of half the width and a rectangle of the other half; and a level line.
    assert mean_height(costs, scores, ENDS) == pytest.approx([0.25 + 0.5, 0.5])


@given(st.integers(0, 1000), st.integers(2, 8))
def test_mean_height_is_the_integral_of_what_is_drawn(seed, points):
    """Curves that begin before the first end, or stop short of the last, against a fine sum."""
    generator = np.random.default_rng(seed)
    costs = np.sort(generator.uniform(8, 22, points))
    costs[0] = min(costs[0], 10.0)
    scores = generator.random(points)
    fine = np.linspace(*ENDS, 20_001)
    drawn = np.interp(fine, costs, scores)
    assert mean_height(costs[None], scores[None], ENDS)[0] == pytest.approx(np.trapezoid(drawn, fine) / 10, abs=1e-3)


def test_two_points_at_one_cost_are_a_step():
    costs, scores = np.array([[10.0, 15.0, 15.0, 20.0]]), np.array([[0.0, 0.0, 1.0, 1.0]])
    assert mean_height(costs, scores, ENDS) == pytest.approx(0.5)
    assert cost_to_reach(costs, scores, np.array([0.7])) == pytest.approx(15.0)


def test_a_curve_that_falls_short_is_closed_by_the_exits():
    costs, scores = closed(np.array([[18.0, 12.0]]), np.array([[0.6, 0.5]]), ENDS, np.array([[0.4, 0.8]]))
    assert costs.tolist() == [[10.0, 12.0, 18.0, 20.0]]
    assert scores.tolist() == [[0.4, 0.5, 0.6, 0.8]]


def test_a_curve_that_goes_beyond_is_left_as_it_is():
    costs, scores = closed(np.array([[9.0, 21.0]]), np.array([[0.5, 0.6]]), ENDS, np.array([[0.4, 0.8]]))
    assert costs.tolist() == [[9.0, 9.0, 21.0, 21.0]]
    assert scores.tolist() == [[0.5, 0.5, 0.6, 0.6]]


def test_cost_to_reach_by_hand():
    costs = np.array([[10.0, 14.0, 20.0]] * 4)
    scores = np.array([[0.0, 0.4, 1.0]] * 4)
    assert cost_to_reach(costs, scores, np.array([0.0, 0.2, 0.7, 1.1])).tolist() == [10.0, 12.0, 17.0, np.inf]


def test_the_first_crossing_counts():
    costs, scores = np.array([[10.0, 12.0, 16.0, 20.0]]), np.array([[0.0, 1.0, 0.0, 1.0]])
    assert cost_to_reach(costs, scores, np.array([0.5])) == pytest.approx(11.0)


@pytest.mark.parametrize(("costs", "enough"), [([10, 20], True), ([12, 19], False), ([11, 19], True), ([15], False)])
def test_a_curve_must_cover_most_of_the_way(costs, enough):
    assert reaches(np.array(costs, dtype=float), ENDS) is enough
