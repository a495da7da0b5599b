import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.budget.distribution import conditional_exit, exit_distribution
from bench.budget.thresholding.calibrated import CALIBRATED, calibrate
from bench.budget.thresholding.exact import exact_exits
from bench.budget.thresholds import stream_exits, threshold_exits
from bench.errors import BenchError


def stream_by_definition(confidence, q):
    """DaRe's online rule as it is described: sort everything seen at every step."""
    seen = [[] for _ in q]
    exits = []
    for row in confidence:
        for index, own in enumerate(row):
            if index == len(q) - 1:
                exits.append(index)
                break
            first = not seen[index]
            seen[index].append(own)
            ordered = sorted(seen[index], reverse=True)
            if first or own >= ordered[int((len(ordered) - 1) * q[index])]:
                exits.append(index)
                break
    return exits


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(2, 5), st.floats(0, 20), st.booleans())
def test_stream_is_the_online_rule(seed, queries, exits, a, integers):
    generator = np.random.default_rng(seed)
    confidence = generator.normal(size=(queries, exits))
    if integers:
        confidence = np.round(confidence * 2)
    q = conditional_exit(exit_distribution(a, exits))
    assert stream_exits(confidence, q).tolist() == stream_by_definition(confidence, q)


def test_stream_habits_by_hand():
    # No query should leave early; yet the first to arrive does, and so does every new maximum.
    confidence = np.array([[1.0, 0], [0.5, 0], [2.0, 0], [1.5, 0]])
    assert stream_exits(confidence, np.array([0.0, 1.0])).tolist() == [0, 1, 0, 1]


def test_stream_share_comes_out_over_many_queries():
    generator = np.random.default_rng(0)
    p = np.array([0.4, 0.3, 0.2, 0.1])
    exits = stream_exits(generator.normal(size=(20_000, 4)), conditional_exit(p))
    assert np.bincount(exits) / len(exits) == pytest.approx(p, abs=0.02)


@given(st.integers(0, 1000), st.integers(1, 80), st.integers(2, 6), st.floats(0, 20))
def test_exact_shares_are_exact(seed, queries, exits, a):
    generator = np.random.default_rng(seed)
    p = exit_distribution(a, exits)
    chosen = exact_exits(np.round(generator.normal(size=(queries, exits))), p, generator)
    gone = np.cumsum(np.bincount(chosen, minlength=exits))
    assert np.abs(gone - np.cumsum(p) * queries).max() <= 0.5 + 1e-9


def test_exact_takes_the_most_confident():
    confidence = np.array([[0.1, 9], [0.9, 9], [0.5, 9], [0.7, 9]])
    assert exact_exits(confidence, np.array([0.5, 0.5]), np.random.default_rng(0)).tolist() == [1, 0, 1, 0]


def test_exact_draws_among_equals():
    confidence = np.zeros((1000, 2))
    exits = exact_exits(confidence, np.array([0.5, 0.5]), np.random.default_rng(0))
    first_half = (exits[:500] == 0).sum()
    assert 200 < first_half < 300


def test_the_ends_meet_the_static_exits():
    confidence = np.random.default_rng(0).normal(size=(50, 4))
    for a, expected in ((0, 0), (np.inf, 3)):
        p = exit_distribution(a, 4)
        assert set(exact_exits(confidence, p, np.random.default_rng(0))) == {expected}
        assert set(threshold_exits(confidence, calibrate(confidence, conditional_exit(p)))) == {expected}


@given(st.integers(0, 1000), st.integers(4, 200), st.floats(0.05, 20))
def test_calibrated_thresholds_spend_the_budget_on_their_own_set(seed, queries, a):
    confidence = np.random.default_rng(seed).normal(size=(queries, 4))
    p = exit_distribution(a, 4)
    exits = threshold_exits(confidence, calibrate(confidence, conditional_exit(p)))
    assert np.bincount(exits, minlength=4) / queries == pytest.approx(p, abs=2.0 / queries)


def test_calibration_on_too_few_lets_everybody_out_that_should_go():
    # All who reach the second exit are to leave there; none reached it in calibration.
    thresholds = calibrate(np.array([[1.0, 1.0, 1.0]]), np.array([1.0, 1.0, 1.0]))
    assert thresholds[0] == -np.inf


def test_calibration_needs_queries():
    with pytest.raises(BenchError, match="at least one calibration query"):
        calibrate(np.zeros((0, 3)), np.array([0.5, 0.5, 1.0]))


def test_infinite_margins_are_confident():
    confidence = np.array([[np.inf, 0.0], [1.0, 0.0], [2.0, 0.0]])
    assert threshold_exits(confidence, calibrate(confidence, np.array([1 / 3, 1.0]))).tolist() == [0, 1, 1]


def test_nobody_leaves_where_nobody_is_to_leave_however_sure():
    """A gallery that shows one person gives infinite margins; a = ∞ sends everybody to the last exit."""
    sure = np.array([[np.inf, 3.0, 0.0], [np.inf, np.inf, 0.0], [1.0, 2.0, 0.0]])
    q = conditional_exit(exit_distribution(np.inf, 3))
    thresholds = calibrate(sure, q)
    assert threshold_exits(sure, thresholds).tolist() == [2, 2, 2]
    decider = CALIBRATED.online(q, sure)
    assert not decider.leave(sure[:, 0], 0).any()
    assert decider.leave(sure[:, 2], 2).all()
    # Those who are equally sure leave together, where any of them is to.
    assert threshold_exits(sure, calibrate(sure, np.array([1 / 3, 0.0, 1.0]))).tolist() == [0, 0, 2]


def test_nan_confidence_is_named():
    confidence = np.zeros((3, 2))
    confidence[1, 0] = np.nan
    with pytest.raises(BenchError, match="query 1 at exit 1"):
        stream_exits(confidence, np.array([0.5, 1.0]))


def test_wrong_shape_is_named():
    with pytest.raises(BenchError, match=r"\(queries, 3\)"):
        stream_exits(np.zeros((3, 2)), np.array([0.5, 0.5, 1.0]))


@given(st.integers(0, 1000), st.integers(1, 60), st.lists(st.floats(0, 20), min_size=1, max_size=5), st.booleans())
def test_many_budgets_are_each_one_budget(seed, queries, a_values, integers):
    confidence = np.random.default_rng(seed).normal(size=(queries, 4))
    if integers:
        confidence = np.round(confidence)
    p = np.stack([exit_distribution(a, 4) for a in a_values])
    q = np.stack([conditional_exit(shares) for shares in p])
    streams = stream_exits(confidence, q)
    exact = exact_exits(confidence, p, np.random.default_rng(seed))
    assert streams.shape == exact.shape == (len(a_values), queries)
    for index in range(len(a_values)):
        assert np.array_equal(streams[index], stream_exits(confidence, q[index]))
        assert np.array_equal(exact[index], exact_exits(confidence, p[index], np.random.default_rng(seed)))


def test_one_exit_keeps_everybody():
    assert stream_exits(np.zeros((3, 1)), np.array([1.0])).tolist() == [0, 0, 0]
