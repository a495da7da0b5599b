from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented import invented_table
from sklearn.metrics import roc_auc_score

from bench import registry
from bench.budget.bootstrap import IdentityBootstrap, interval
from bench.budget.exit_auc import auc, auc_records, questions
from bench.budget.policy import Policy
from bench.errors import BenchError

ONCE = np.ones((1, 1))


def by_pairs(confidence, positive):
    """Count all pairs of a positive and a negative query, each weighted by how much of it that is."""
    won = pairs = 0.0
    for own, is_positive in zip(confidence, positive, strict=True):
        for other, is_other_positive in zip(confidence, positive, strict=True):
            weight = is_positive * (1 - is_other_positive)
            pairs += weight
            won += weight * (1.0 if own > other else 0.5 if own == other else 0.0)
    return won / pairs


@given(
    st.lists(st.tuples(st.sampled_from([-1.0, 0.0, 0.5, 2.0, np.inf]), st.sampled_from([0.0, 0.25, 1.0])), min_size=2)
)
def test_it_is_the_share_of_pairs_in_the_right_order(queries):
    confidence, positive = map(np.array, zip(*queries, strict=True))
    rows = np.zeros(len(queries), dtype=np.int64)
    found = auc(confidence, positive, ONCE, rows)
    if positive.sum() == 0 or positive.sum() == len(positive):
        assert np.isnan(found).all()
    else:
        assert found == pytest.approx([by_pairs(confidence, positive)])


@pytest.mark.parametrize("seed", range(4))
def test_every_draw_is_the_area_of_another_library(seed, monkeypatch):
    monkeypatch.setattr("bench.budget.exit_auc.DRAWS_AT_ONCE", 4)
    generator = np.random.default_rng(seed)
    confidence, right = generator.integers(0, 6, 40).astype(float), generator.integers(0, 2, 40).astype(float)
    right[:2] = 0, 1
    rows = np.arange(40) % 10
    counts = np.concatenate([np.ones((1, 10)), 1.0 + generator.integers(0, 3, (9, 10))])
    expected = [roc_auc_score(right, confidence, sample_weight=draw[rows]) for draw in counts]
    assert auc(confidence, right, counts, rows) == pytest.approx(expected)


def test_a_later_exit_is_better_by_its_first_match():
    table = invented_table(queries=3, people=3, seed=0, exits=3)
    hits = table.outcomes.hits.copy()
    hits[:, :, 0] = [[0, 1, 0], [0.5, 0.25, 0.75], [1, 0, 0]]
    outcomes = replace(table.outcomes, hits=hits)
    assert questions(outcomes, 0)["right"].tolist() == [0, 0.5, 1]
    assert questions(outcomes, 0)["no_better_later"].tolist() == [0, 0.75, 1]
    assert questions(outcomes, 1)["no_better_later"].tolist() == [1, 0.5, 1]
    assert list(questions(outcomes, 2)) == ["right"]


def test_records_of_both_groups_of_people():
    table, held_out = (invented_table(queries=60, people=20, seed=seed) for seed in (0, 1))
    policies = [registry.policy("gs"), registry.policy("qs")]
    records = auc_records(policies, {"test": table, "calibration": held_out}, 50, 3)
    assert [(one["policy"], one["people"], one["exit"]) for one in records] == [
        (policy, people, exit_index)
        for people in ("test", "calibration")
        for policy in ("gs", "qs")
        for exit_index in range(4)
    ]
    one = records[1]
    margin, right = table.signals.identity_margin[:, 1], table.outcomes.hits[:, 1, 0]
    assert one["right"] == pytest.approx(right.mean())
    assert one["right_auc"] == pytest.approx(by_pairs(margin, right))
    bootstrap = IdentityBootstrap.draw(table.outcomes.query_pids, 50, 3)
    draws = [
        by_pairs(np.repeat(margin, draw), np.repeat(right, draw))
        for draw in bootstrap.counts[:, bootstrap.rows].astype(int)
    ]
    assert (one["right_auc_low"], one["right_auc_high"]) == pytest.approx(interval(np.array(draws)))
    assert "no_better_later_auc" in one
    assert "no_better_later" not in records[3]


def test_without_two_classes_there_is_no_area():
    table = invented_table(queries=20, people=10, seed=0)
    table.outcomes.hits[:] = 1
    (record, *_) = auc_records([registry.policy("gs")], {"test": table, "calibration": None}, 10, 0)
    assert record["right"] == 1
    assert not [name for name in record if "auc" in str(name)]


def test_a_confidence_that_is_no_number_is_refused():
    unsure = Policy("unsure", "", "", lambda signals, generator: np.full(signals.identity_margin.shape, np.nan))
    with pytest.raises(BenchError, match="unsure"):
        auc_records([unsure], {"test": invented_table(queries=20, people=10, seed=0)}, 10, 0)
