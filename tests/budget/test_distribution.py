import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.budget.distribution import ExitFractions, conditional_exit, exit_distribution, solve_a
from bench.errors import BenchError
from bench.findings.reported.papers import budget_points, exit_costs


def expected_cost(a, costs):
    return float(exit_distribution(a, len(costs)) @ costs)


LADDERS = st.lists(st.floats(0.01, 1e3), min_size=2, max_size=10).map(lambda steps: np.cumsum(steps))


def test_the_ends_and_the_middle_by_hand():
    assert exit_distribution(0, 4).tolist() == [1, 0, 0, 0]
    assert exit_distribution(np.inf, 4).tolist() == [0, 0, 0, 1]
    assert exit_distribution(1, 4) == pytest.approx([0.25] * 4)
    assert exit_distribution(0.5, 3) == pytest.approx([4 / 7, 2 / 7, 1 / 7])
    assert exit_distribution(1e300, 4)[-1] == 1


def test_fractions_of_several_budgets_are_each_those_of_one():
    fractions = ExitFractions.of([0.0, 0.5, np.inf], 3)
    assert fractions.p.tolist() == [exit_distribution(a, 3).tolist() for a in (0.0, 0.5, np.inf)]
    assert fractions.q.tolist() == [conditional_exit(p).tolist() for p in fractions.p]


def test_conditional_shares_by_hand():
    assert conditional_exit([0.5, 0.25, 0.25]) == pytest.approx([0.5, 0.5, 1.0])
    assert conditional_exit([1, 0, 0]).tolist() == [1, 1, 1]
    assert conditional_exit([0, 0, 1]).tolist() == [0, 0, 1]


@given(st.floats(0, 1e6), st.integers(1, 10))
def test_conditional_shares_multiply_back_to_the_shares(a, exits):
    p = exit_distribution(a, exits)
    q = conditional_exit(p)
    staying = np.concatenate([[1.0], np.cumprod(1 - q)[:-1]])
    assert q * staying == pytest.approx(p, abs=1e-12)
    assert p.sum() == pytest.approx(1)


@given(LADDERS, st.floats(0, 1))
def test_a_budget_is_solved_to_its_cost(costs, share):
    budget = costs[0] + share * (costs[-1] - costs[0])
    assert expected_cost(solve_a(costs, budget), costs) == pytest.approx(budget, rel=1e-9)


@pytest.mark.long
def test_thousands_of_random_ladders_invert():
    generator = np.random.default_rng(0)
    worst = 0.0
    for _ in range(5_000):
        costs = np.cumsum(generator.exponential(size=generator.integers(2, 11)) + 1e-3)
        a = float(np.exp(generator.uniform(-4, 4)))
        worst = max(worst, abs(solve_a(costs, expected_cost(a, costs)) / a - 1))
    assert worst < 1e-9


@given(LADDERS, st.floats(1e-3, 1e3), st.floats(1.01, 10))
def test_cost_rises_with_a(costs, a, factor):
    assert expected_cost(a, costs) < expected_cost(a * factor, costs) or expected_cost(a, costs) == costs[-1]


def test_an_end_that_was_computed_may_miss_by_a_digit():
    costs = np.cumsum([1.3238889806237921, 1.0, 24.0, 999.3238889806238])
    assert np.isinf(solve_a(costs, costs[0] + 1.0 * (costs[-1] - costs[0])))
    assert solve_a(costs, np.nextafter(costs[0], 0)) == 0


def test_the_ends_of_a_budget_are_exact():
    costs = [3.0, 5.0, 11.0]
    assert solve_a(costs, 3.0) == 0
    assert solve_a(costs, 11.0) == np.inf


def test_published_shares_of_dare():
    """Expected shares in DaRe's public logs for its own costs (cases 1, 25 and 48 of 50), in per cent."""
    costs = np.array([523_568_640, 1_150_094_336, 2_060_915_200, 2_542_295_040], dtype=float)
    budgets = np.linspace(costs[0], costs[-1], 50)
    published = {
        1: [93.967, 5.670, 0.342, 0.021],
        25: [25.679, 25.221, 24.771, 24.329],
        48: [0.038, 0.515, 6.906, 92.540],
    }
    for case, shares in published.items():
        assert np.round(100 * exit_distribution(solve_a(costs, budgets[case]), 4), 3).tolist() == shares


@pytest.mark.parametrize("a", [-1, float("nan")])
def test_impossible_a(a):
    with pytest.raises(BenchError, match="from 0 to inf"):
        exit_distribution(a, 4)


@pytest.mark.parametrize("budget", [0.5, 4.5])
def test_budget_out_of_reach(budget):
    with pytest.raises(BenchError, match="out of reach"):
        solve_a([1.0, 2.0, 4.0], budget)


@pytest.mark.parametrize("costs", [[1.0], [1.0, 1.0], [2.0, 1.0], [1.0, float("nan")]])
def test_impossible_ladders(costs):
    with pytest.raises(BenchError, match="rise strictly"):
        solve_a(costs, 1.0)


@pytest.mark.parametrize("shares", [[0.5, 0.4], [-0.5, 1.5], []])
def test_impossible_shares(shares):
    with pytest.raises(BenchError, match="add up to 1"):
        conditional_exit(shares)


def test_shares_of_dares_published_budgets_to_the_printed_digit():
    """Its logs print the shares that each budget asks for, under the costs that they state."""
    costs = np.array([cost.macs for cost in exit_costs("dare")], dtype=float)
    points = [point for point in budget_points() if point.policy != "random"]
    assert len(points) >= 20
    for point in points:
        budget = np.linspace(costs[0], costs[-1], 50)[point.case]
        shares = 100 * exit_distribution(solve_a(costs, budget), 4)
        assert [f"{share:.3f}" for share in shares] == [str(share) for share in point.expected_shares]
