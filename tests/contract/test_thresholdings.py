"""What every registered thresholding must keep: the shipped contract, and properties over drawn numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import registry
from bench.budget.distribution import ExitFractions
from bench.errors import BenchError
from bench.testing.thresholdings import *  # noqa: F403
from bench.testing.thresholdings import decide, run_online

NAMES = registry.names("thresholding")
ONLINE = [name for name in NAMES if not registry.thresholding(name).transductive]


@pytest.mark.parametrize("name", NAMES)
@given(st.integers(0, 1000), st.integers(1, 60), st.integers(1, 5), st.lists(st.floats(0, 20), min_size=1, max_size=4))
@settings(deadline=None, max_examples=30)
def test_every_query_has_an_exit_whatever_the_numbers(name, seed, queries, num_exits, a_values):
    generator = np.random.default_rng(seed)
    confidence, calibration = (generator.normal(size=(count, num_exits)) for count in (queries, 30))
    before = confidence.copy()
    exits = decide(registry.thresholding(name), confidence, a_values, calibration)
    assert exits.shape == (len(a_values), queries)
    assert exits.min() >= 0
    assert exits.max() < num_exits
    assert np.array_equal(confidence, before)


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
def test_online_decisions_of_any_stream_are_the_simulated_ones(name, seed, queries, num_exits, a, batch, ties):
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
