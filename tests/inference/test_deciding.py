import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.budget.thresholds import stream_exits, threshold_exits
from bench.errors import BenchError
from bench.inference.deciding import FixedThresholds, StreamThresholds


def exits_of(thresholds, confidence, batch):
    """Send queries through in batches, exit by exit."""
    exits = np.full(len(confidence), confidence.shape[1] - 1)
    for first in range(0, len(confidence), batch):
        staying = np.arange(first, min(first + batch, len(confidence)))
        for index in range(confidence.shape[1] - 1):
            leaving = thresholds.leaving(index, confidence[staying, index])
            exits[staying[leaving]] = index
            staying = staying[~leaving]
    return exits


@given(
    st.lists(st.lists(st.integers(0, 6), min_size=3, max_size=3), min_size=1, max_size=40),
    st.lists(st.floats(0, 1), min_size=3, max_size=3),
    st.integers(1, 9),
)
def test_a_stream_in_batches_is_the_stream(values, q, batch):
    confidence = np.array(values, dtype=float)
    thresholds = StreamThresholds(np.array(q))
    expected = stream_exits(confidence, np.array(q))
    assert np.array_equal(exits_of(thresholds, confidence, batch), expected)
    thresholds.restart()
    assert np.array_equal(exits_of(thresholds, confidence, 1), expected)


@given(
    st.lists(st.lists(st.integers(0, 6), min_size=3, max_size=3), min_size=1, max_size=40),
    st.lists(st.floats(allow_nan=False), min_size=2, max_size=2),
    st.integers(1, 9),
)
def test_fixed_thresholds_in_batches_are_those_of_the_table(values, standing, batch):
    confidence, standing = np.array(values, dtype=float), np.array(standing)
    found = exits_of(FixedThresholds(standing), confidence, batch)
    assert np.array_equal(found, threshold_exits(confidence, standing))


@pytest.mark.parametrize("thresholds", [FixedThresholds(np.zeros(2)), StreamThresholds(np.array([0.5, 0.5, 1.0]))])
def test_a_confidence_that_is_no_number_is_refused(thresholds):
    with pytest.raises(BenchError, match="NaN at exit 2"):
        thresholds.leaving(1, np.array([1.0, np.nan]))
