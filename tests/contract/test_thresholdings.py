"""What every registered thresholding must keep."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invented import COSTS, invented_table

from bench import registry
from bench.budget.distribution import ExitFractions
from bench.budget.sweep import sweep
from bench.errors import BenchError
from bench.spec import SweepSpec

NAMES = registry.names("thresholding")
ONLINE = [name for name in NAMES if not registry.thresholding(name).transductive]


def decide(rule, confidence, a_values, calibration, seed=0):
    fractions = ExitFractions.of(a_values, confidence.shape[1])
    held_out = calibration if rule.needs == "calibration" else None
    return rule.exits(confidence, fractions, held_out, np.random.default_rng(seed))


def run_online(decider, confidence, batch):
    """Serve queries as an engine does: a batch after another, each exit deciding for those that are left."""
    queries, num_exits = confidence.shape
    exits = np.full(queries, -1)
    for first in range(0, queries, batch):
        rows = np.arange(first, min(first + batch, queries))
        for index in range(num_exits):
            leaving = decider.leave(confidence[rows, index], index)
            assert leaving.dtype == bool
            exits[rows[leaving]] = index
            rows = rows[~leaving]
    return exits


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is(name):
    rule = registry.thresholding(name)
    assert rule.name == name
    assert rule.summary
    assert rule.source
    assert rule.needs in ("", "calibration")


@pytest.mark.parametrize("name", NAMES)
@given(st.integers(0, 1000), st.integers(1, 60), st.integers(1, 5), st.lists(st.floats(0, 20), min_size=1, max_size=4))
@settings(deadline=None, max_examples=30)
def test_every_query_has_an_exit_at_every_budget(name, seed, queries, num_exits, a_values):
    generator = np.random.default_rng(seed)
    confidence, calibration = (generator.normal(size=(count, num_exits)) for count in (queries, 30))
    before = confidence.copy()
    exits = decide(registry.thresholding(name), confidence, a_values, calibration)
    assert exits.shape == (len(a_values), queries)
    assert exits.min() >= 0
    assert exits.max() < num_exits
    assert np.array_equal(confidence, before)


@pytest.mark.parametrize("name", NAMES)
def test_everybody_leaves_first_without_a_budget(name):
    generator = np.random.default_rng(0)
    confidence, calibration = generator.normal(size=(50, 4)), generator.normal(size=(30, 4))
    (exits,) = decide(registry.thresholding(name), confidence, [0.0], calibration)
    assert set(exits) == {0}


@pytest.mark.parametrize("name", NAMES)
def test_over_many_queries_as_many_leave_as_may(name):
    generator = np.random.default_rng(1)
    confidence, calibration = generator.normal(size=(20_000, 4)), generator.normal(size=(20_000, 4))
    (exits,) = decide(registry.thresholding(name), confidence, [0.7], calibration)
    assert np.bincount(exits) / len(exits) == pytest.approx(ExitFractions.of([0.7], 4).p[0], abs=0.02)


@pytest.mark.parametrize("name", NAMES)
def test_the_last_exits_confidence_decides_nothing(name):
    generator = np.random.default_rng(2)
    confidence, calibration = generator.normal(size=(80, 4)), generator.normal(size=(40, 4))
    other = confidence.copy()
    other[:, -1] = generator.normal(size=80)
    rule = registry.thresholding(name)
    assert np.array_equal(
        decide(rule, confidence, [0.5, 2.0], calibration), decide(rule, other, [0.5, 2.0], calibration)
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_queries_matters_only_where_it_says_so(name):
    rule = registry.thresholding(name)
    generator = np.random.default_rng(3)
    confidence, calibration = generator.normal(size=(200, 4)), generator.normal(size=(60, 4))
    order = generator.permutation(200)
    exits = decide(rule, confidence, [0.5], calibration)[0]
    shuffled = decide(rule, confidence[order], [0.5], calibration)[0]
    assert np.array_equal(shuffled, exits[order]) != rule.order_matters


@pytest.mark.parametrize("name", ONLINE)
@given(
    st.integers(0, 10_000),
    st.integers(1, 60),
    st.integers(1, 5),
    st.one_of(st.floats(0, 20), st.just(float("inf"))),
    st.integers(1, 9),
    st.booleans(),
)
@settings(deadline=None, max_examples=80)
def test_online_decisions_are_the_simulated_ones(name, seed, queries, num_exits, a, batch, ties):
    """Decision for decision, whatever the batches, also where many confidences are equal."""
    rule = registry.thresholding(name)
    generator = np.random.default_rng(seed)
    confidence, calibration = (generator.normal(size=(count, num_exits)) for count in (queries, 25))
    if ties:
        confidence, calibration = confidence.round(), calibration.round()
        confidence[generator.random(confidence.shape) < 0.1] = np.inf
    held_out = calibration if rule.needs == "calibration" else None
    decider = rule.online(ExitFractions.of([a], num_exits).q[0], held_out)
    assert np.array_equal(run_online(decider, confidence, batch), decide(rule, confidence, [a], calibration)[0])


@pytest.mark.parametrize("name", ONLINE)
def test_no_decision_is_made_on_nan(name):
    rule = registry.thresholding(name)
    decider = rule.online(np.array([0.5, 0.5, 1.0]), np.zeros((4, 3)))
    with pytest.raises(BenchError, match="NaN for query 1 at exit 2"):
        decider.leave(np.array([0.0, np.nan]), 1)


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(ONLINE)))
def test_what_looks_ahead_cannot_be_deployed(name):
    with pytest.raises(BenchError, match="needs to know all queries"):
        registry.thresholding(name).online(np.array([0.5, 1.0]), np.zeros((4, 2)))


@pytest.mark.parametrize("name", NAMES)
def test_calibration_is_asked_for_where_it_is_needed(name):
    rule = registry.thresholding(name)
    if rule.needs == "calibration":
        with pytest.raises(BenchError, match="--calibration above 0"):
            rule.check(None)
    rule.check(np.zeros((4, 2)))


@pytest.mark.parametrize("name", NAMES)
def test_it_sweeps(name):
    table = invented_table()
    spec = SweepSpec(("gs",), thresholdings=(name,), budgets=5, shuffles=3, resamples=20)
    records = sweep(table, COSTS, spec, [registry.policy("gs")], invented_table(seed=5).signals)
    points = [record for record in records if record["kind"] == "policy"]
    assert [point["thresholding"] for point in points] == [name] * 5
    assert any(point["shuffle_spread_mAP"] > 0 for point in points) == registry.thresholding(name).order_matters
