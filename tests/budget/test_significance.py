import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from bench.budget.bootstrap import IdentityBootstrap
from bench.budget.significance import holm, p_values


def test_holm_by_hand():
    # Sorted: 0.01 × 4, 0.02 × 3, 0.03 × 2, 0.04 × 1; none may fall under one before it.
    assert holm(np.array([0.01, 0.04, 0.03, 0.02])) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert holm(np.array([0.6, 0.9])) == pytest.approx([1.0, 1.0])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_rejects_what_stepping_down_rejects(p):
    values, level = np.array(p), 0.05
    rejected = set()
    for step, index in enumerate(np.argsort(values, kind="stable")):
        if values[index] * (len(values) - step) > level:
            break
        rejected.add(int(index))
    assert {int(index) for index in np.flatnonzero(holm(values) <= level)} == rejected


def test_p_values_are_those_of_a_paired_test_on_independent_people():
    differences = np.random.default_rng(0).normal(np.array([0.08, 0.13, 0.18]), 1.0, size=(400, 3))
    draws = IdentityBootstrap.draw(np.arange(400), 4000, seed=0).means(differences)
    expected = ttest_1samp(differences, 0.0).pvalue
    assert p_values(differences.mean(axis=0), draws, people=400) == pytest.approx(expected, rel=0.25, abs=0.003)


def test_p_values_of_few_people_are_those_of_the_paired_test():
    differences = np.random.default_rng(1).normal(0.4, 1.0, size=(6, 4))
    draws = IdentityBootstrap.draw(np.arange(6), 40_000, seed=0).means(differences)
    expected = ttest_1samp(differences, 0.0).pvalue
    assert p_values(differences.mean(axis=0), draws, people=6) == pytest.approx(expected, rel=0.03)


def test_a_difference_without_spread():
    """All five differ to one side, whichever, once in sixteen times."""
    draws = np.tile([0.0, 0.1, 1e-17], (10, 1))
    assert p_values(draws[0], draws, people=5).tolist() == [1.0, 1 / 16, 1.0]
    assert p_values(draws[0], draws, people=1).tolist() == [1.0, 1.0, 1.0]
