from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from invented import COSTS, invented_table

from bench import registry
from bench.budget.distribution import ExitFractions
from bench.budget.out_of_fold import FOLDS, dealt, exits_out_of_fold
from bench.budget.thresholding.calibrated import CALIBRATED, calibrate
from bench.budget.thresholds import threshold_exits
from bench.errors import BenchError

FRACTIONS = ExitFractions.of((0.3, 1.0, 3.0), len(COSTS))


@given(st.lists(st.integers(0, 9), min_size=2, max_size=40).filter(lambda pids: len(set(pids)) > 1), st.integers(0, 9))
def test_people_are_dealt_out_whole_and_evenly(pids, seed):
    folds = dealt(np.array(pids), seed)
    fold_of = dict(zip(pids, folds.tolist(), strict=True))
    assert [fold_of[pid] for pid in pids] == folds.tolist()
    sizes = np.bincount(list(fold_of.values()))
    assert len(sizes) == min(FOLDS, len(fold_of))
    assert sizes.max() - sizes.min() <= 1


def test_one_person_is_too_few():
    with pytest.raises(BenchError, match="hold out more people"):
        dealt(np.zeros(5, dtype=int), 0)


def test_each_fold_is_decided_on_by_thresholds_of_the_others():
    table = invented_table(queries=40, people=12)
    gs = registry.policy("gs")
    found = exits_out_of_fold(gs, gs, CALIBRATED, table, FRACTIONS, seed=0)
    folds = dealt(table.outcomes.query_pids, 0)
    margin = gs.confidence(table.signals, np.random.default_rng(0))
    for fold in range(FOLDS):
        own = folds == fold
        for budget, q in enumerate(FRACTIONS.q):
            expected = threshold_exits(margin[own], calibrate(margin[~own], q))
            assert found[budget, own].tolist() == expected.tolist()
    assert len(np.unique(found)) > 1


@pytest.mark.parametrize("name", ["learned", "gs"])
def test_outcomes_of_a_fold_do_not_reach_its_decisions(name):
    table = invented_table(queries=60, people=15)
    own = dealt(table.outcomes.query_pids, 0) == 2
    turned = table.outcomes.hits.copy()
    turned[own] = 1 - turned[own]
    other = replace(table, outcomes=replace(table.outcomes, hits=turned))
    found = [_exits(name, one) for one in (table, other)]
    assert np.array_equal(found[0][:, own], found[1][:, own])
    # They do reach those of the others, where a policy learns from outcomes.
    assert np.array_equal(found[0], found[1]) == (name == "gs")


def _exits(name, table):
    registered = registry.policy(name)
    ready = (
        registered if name == "gs" else registered.load({"coefficients": np.zeros((4, 7)), "intercepts": np.zeros(4)})
    )
    return exits_out_of_fold(ready, registered, CALIBRATED, table, FRACTIONS, seed=0)


def test_rows_of_a_table_stay_together():
    table = invented_table(queries=20, people=6)
    rows = np.array([4, 1, 7])
    part = table.take(rows)
    assert len(part) == 3
    for half in ("signals", "outcomes"):
        whole, kept = getattr(table, half), getattr(part, half)
        for name, values in vars(whole).items():
            if isinstance(values, np.ndarray) and len(values) == 20:
                assert np.array_equal(getattr(kept, name), values[rows]), name
    mask = np.zeros(20, dtype=bool)
    mask[rows] = True
    assert table.take(mask).outcomes.query_pids.tolist() == table.outcomes.query_pids[mask].tolist()
