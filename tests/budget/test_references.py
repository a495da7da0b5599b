from itertools import product

import numpy as np
import pytest
from invented import COSTS, invented_table

from bench.budget.distribution import exit_distribution
from bench.budget.references import (
    free_oracle_exits,
    hull_exits,
    interpolated,
    oracle_curve,
    random_fractions,
)


def test_line_by_hand():
    costs = np.array([1.0, 2.0, 4.0])
    means = np.array([0.2, 0.6, 0.8])
    at = np.array([[1.0, 1.5, 3.0, 4.0]])
    assert interpolated(costs, means[None, :, None], at)[0, :, 0] == pytest.approx([0.2, 0.4, 0.7, 0.8])


def test_many_lines_are_each_one_line():
    generator = np.random.default_rng(0)
    means, at = generator.random((20, 4)), generator.uniform(COSTS[0], COSTS[-1], (20, 7))
    expected = [np.interp(where, COSTS, row) for row, where in zip(means, at, strict=True)]
    assert interpolated(COSTS, means[..., None], at)[..., 0] == pytest.approx(np.array(expected))


def test_the_hull_is_the_best_of_all_pairs_of_exits():
    """By brute force: at every cost, no chance between any two exits, or less than that cost, reaches more."""
    generator = np.random.default_rng(4)
    share = np.linspace(0, 1, 401)
    for _ in range(50):
        costs, scores = np.cumsum(generator.uniform(0.1, 1, 5)), generator.random(5)
        hull = hull_exits(costs, scores.tolist())
        assert hull[0] == 0
        # Every chance between every two exits, each in either place.
        spent, reached = (of[:, None, None] + share * (of[None, :, None] - of[:, None, None]) for of in (costs, scores))
        for at in np.linspace(costs[0], costs[-1], 21):
            best = reached[spent <= at + 1e-9].max()
            found = np.interp(at, costs[hull], scores[hull])
            assert best <= found + 1e-9
            assert best == pytest.approx(found, abs=5e-3)


def test_a_bad_exit_is_not_on_the_hull():
    assert hull_exits(np.array([1.0, 2.0, 3.0, 4.0]), [0.3, 0.2, 0.6, 0.7]) == [0, 2, 3]
    assert hull_exits(np.array([1.0, 2.0, 3.0]), [0.5, 0.4, 0.3]) == [0]


def test_oracle_is_the_best_of_all_assignments():
    """Every one of 3^6 assignments lies on or under the curve, and the corners are among them."""
    scores = np.random.default_rng(1).random((6, 3))
    costs = np.array([1.0, 2.5, 3.0])
    curve_costs, curve_scores = oracle_curve(scores, costs)
    reachable = {}
    for exits in product(range(3), repeat=6):
        cost = round(float(costs[list(exits)].mean()), 9)
        reachable[cost] = max(reachable.get(cost, 0.0), float(scores[range(6), list(exits)].mean()))
    for cost, best in reachable.items():
        assert best <= np.interp(cost, curve_costs, curve_scores) + 1e-9
    for cost, value in zip(curve_costs, curve_scores, strict=True):
        assert reachable[round(float(cost), 9)] == pytest.approx(value)


def test_oracle_rises_and_bends_down():
    scores = invented_table().outcomes.average_precision
    costs, curve = oracle_curve(scores, COSTS)
    slopes = np.diff(curve) / np.diff(costs)
    assert np.all(slopes > 0)
    assert np.all(np.diff(slopes) <= 1e-9)
    assert costs[0] == COSTS[0]
    assert curve[-1] == pytest.approx(scores.max(axis=1).mean())


def test_free_oracle_takes_the_earliest_right_exit():
    table = invented_table()
    right = table.outcomes.hits[:, :, 0] > 0.5
    for row, exit_index in zip(right, free_oracle_exits(table.outcomes), strict=True):
        assert exit_index == (row.tolist().index(True) if row.any() else 0)


def test_random_fractions_spend_what_they_say():
    grid, shares = random_fractions(COSTS, steps=7)
    assert shares @ COSTS == pytest.approx(grid)
    assert shares.sum(axis=1) == pytest.approx(1)
    middle = exit_distribution(1.0, 4)
    where = middle @ COSTS
    found = [np.interp(where, grid, column) for column in shares.T]
    assert found == pytest.approx(middle, abs=0.05)
    assert random_fractions(np.array([5.0]))[1].tolist() == [[1.0]]
