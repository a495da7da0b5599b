"""Policies that read more than one exit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented import invented_table

from bench.budget.policies.exit_agreement import exit_agreement
from bench.budget.policies.rank_stability import FINEST, average_overlap, rank_stability
from bench.budget.policy import squashed

GENERATOR = np.random.default_rng(0)


@given(st.permutations(range(8)), st.permutations(range(8)))
def test_average_overlap_by_definition(one, other):
    one, other = np.array(one[:5]), np.array(other[:5])
    expected = np.mean([len(set(one[:depth]) & set(other[:depth])) / depth for depth in range(1, 6)])
    assert average_overlap(one, other) == pytest.approx(expected)
    assert average_overlap(one, other) == average_overlap(other, one)


def test_average_overlap_at_the_ends():
    ranking = np.array([3, 1, 4, 1 + 4, 9])
    assert average_overlap(ranking, ranking) == 1
    assert average_overlap(ranking, ranking + 100) == 0
    assert average_overlap(np.full(5, -1), np.full(5, -1)) == 0, "empty ranks have nothing in common"


def test_distinct_overlaps_are_further_apart_than_margins_reach():
    generator = np.random.default_rng(0)
    pairs = [(generator.permutation(7)[:5], generator.permutation(7)[:5]) for _ in range(3000)]
    values = np.unique(np.round([average_overlap(*pair) for pair in pairs], 12))
    assert np.diff(values).min() >= FINEST - 1e-12


def test_stability_orders_by_overlap_and_then_by_margin():
    signals = invented_table(queries=3, people=3).signals
    indices = signals.nearest_indices.copy()
    indices[:, 0] = [1, 2, 3, 4, 5]
    indices[:, 1] = [[1, 2, 3, 4, 5], [1, 2, 3, 4, 6], [1, 2, 3, 4, 5]]
    margin = np.array([[1.0], [9.0], [5.0]]).repeat(4, axis=1)
    confidence = rank_stability(replace(signals, nearest_indices=indices, identity_margin=margin), GENERATOR)
    assert np.argsort(-confidence[:, 1]).tolist() == [2, 0, 1]
    assert np.argsort(-confidence[:, 0]).tolist() == [1, 2, 0], "the first exit has margins alone"


@given(st.lists(st.floats(0, 1e6) | st.just(float("inf")), min_size=2, max_size=6))
def test_squashing_keeps_the_order(margins):
    values = np.array(margins)
    found = squashed(values)
    assert ((found >= 0) & (found < 1)).all()
    assert (np.diff(found[np.argsort(values, kind="stable")]) >= 0).all()


def test_agreement_by_hand():
    table = invented_table(queries=3, people=3, exits=2)
    signals = replace(
        table.signals,
        # Query 0: both exits find person 7. Query 1: person 7, then 8. Query 2: nothing in sight later.
        nearest_pids=np.array([[[7] * 5, [7] * 5], [[7] * 5, [8] * 5], [[7] * 5, [-1] * 5]]),
        nearest_distances=np.array([[[4.0] * 5, [3.0] * 5], [[4.0] * 5, [3.0] * 5], [[4.0] * 5, [np.inf] * 5]]),
        identity_margin=np.array([[2.0, 6.0], [2.0, 6.0], [2.0, np.inf]]),
        previous_identity_distance=np.array([[np.inf, 3.0], [np.inf, 14.0], [np.inf, np.inf]]),
    )
    confidence = exit_agreement(signals, GENERATOR)
    assert confidence[:, 0].tolist() == [2, 2, 2], "the first exit has margins alone"
    assert confidence[:, 1].tolist() == [6, -11, -np.inf]
