from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented import invented_table

from bench import registry
from bench.budget.exit_decisions import best_threshold, decision_records


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=30))
def test_no_threshold_does_better(rows):
    confidence = np.array([float(value) for value, _ in rows])
    right = np.array([flag for _, flag in rows])

    def balance(threshold):
        leaving = confidence >= threshold
        return (leaving & right).sum() - (leaving & ~right).sum()

    every = [*(confidence - 0.5), np.inf]
    chosen = best_threshold(confidence, right)
    assert balance(chosen) == max(balance(threshold) for threshold in every)
    fewest = min((confidence >= t).sum() for t in every if balance(t) == balance(chosen))
    assert (confidence >= chosen).sum() == fewest


def test_thresholds_at_the_ends():
    confidence = np.array([3.0, 2.0, 1.0])
    assert best_threshold(confidence, np.array([True, True, True])) == -np.inf
    assert best_threshold(confidence, np.array([False, False, False])) == np.inf
    assert best_threshold(confidence, np.array([True, True, False])) == 1.5


def test_counts_by_hand():
    table, calibration = invented_table(queries=6, people=3), invented_table(queries=4, people=2, seed=1)
    hits = np.repeat(np.array([1, 1, 0, 0.5, 1, 0])[:, None, None], 3, axis=2).repeat(4, axis=1)
    margin = np.array([9.0, 2, 8, 7, 1, 3])[:, None].repeat(4, axis=1)
    table = replace(
        table,
        signals=replace(table.signals, identity_margin=margin),
        outcomes=replace(table.outcomes, hits=hits),
    )
    held_out = np.array([[6.0], [5.0], [4.0], [1.0]]).repeat(4, axis=1)
    calibration = replace(
        calibration,
        signals=replace(calibration.signals, identity_margin=held_out),
        outcomes=replace(
            calibration.outcomes, hits=np.array([1.0, 1, 0, 0])[:, None, None].repeat(4, 1).repeat(3, axis=2)
        ),
    )
    (record,) = decision_records([registry.policy("gs")], table, calibration, 50, 0)
    assert (record["threshold"], record["threshold_from"], record["queries"]) == (4.5, "calibration", 6)
    # Margins 9, 8 and 7 leave: one right, one wrong, and one that a tie makes half of each.
    assert (record["left"], record["correct"], record["incorrect"], record["possible"]) == pytest.approx(
        (3, 1.5, 1.5, 3.5)
    )
    assert record["precision"] == pytest.approx(0.5)
    assert record["recall"] == pytest.approx(1.5 / 3.5)
    assert record["correct_low"] <= 1.5 <= record["correct_high"]


def test_margins_are_right_more_often_than_random_exits():
    table, calibration = invented_table(), invented_table(seed=3)
    policies = [registry.policy(name) for name in ("random", "gs")]
    chance, margins = decision_records(policies, table, calibration, 200, 0)
    assert chance["threshold_from"] == "own"
    assert chance["left"] == pytest.approx(len(table) / 2, rel=0.15)
    assert margins["precision_low"] > chance["precision_high"]


def test_no_query_leaving_is_no_division_by_zero():
    table, calibration = invented_table(), invented_table(seed=3)
    hopeless = replace(
        calibration, outcomes=replace(calibration.outcomes, hits=np.zeros_like(calibration.outcomes.hits))
    )
    (record,) = decision_records([registry.policy("gs")], table, hopeless, 20, 0)
    assert (record["left"], record["threshold"], record["recall"]) == (0, None, 0)
    assert "precision" not in record


def test_draws_in_which_nobody_leaves_have_no_interval_of_a_rate():
    table, calibration = invented_table(), invented_table(seed=3)
    alone = np.zeros_like(table.signals.identity_margin)
    alone[0] = 10
    table = replace(table, signals=replace(table.signals, identity_margin=alone))
    margins = 9 * (calibration.outcomes.hits[:, :, 0] > 0.5)
    calibration = replace(calibration, signals=replace(calibration.signals, identity_margin=margins.astype(float)))
    found = [decision_records([registry.policy("gs")], table, calibration, 2, seed)[0] for seed in range(12)]
    assert {record["left"] for record in found} == {1}
    assert {"precision_low" in record for record in found} == {True, False}
    assert {"precision" in record for record in found if "precision_low" not in record} == {False}


def test_thresholds_know_nothing_of_the_test_sets_labels():
    table, calibration = invented_table(), invented_table(seed=3)
    flipped = replace(table, outcomes=replace(table.outcomes, hits=1 - table.outcomes.hits))
    policies = [registry.policy(name) for name in ("qs", "gs")]
    for one, other in zip(
        decision_records(policies, table, calibration, 20, 0),
        decision_records(policies, flipped, calibration, 20, 0),
        strict=True,
    ):
        assert one["threshold"] == other["threshold"]
        assert one["left"] == other["left"]
        assert one["correct"] == pytest.approx(other["incorrect"])
