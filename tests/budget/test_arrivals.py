import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bench.budget.arrivals import higher_before


@given(st.integers(0, 10_000), st.integers(1, 70), st.integers(1, 4), st.booleans())
def test_counts_are_those_of_looking_back(seed, arrivals, streams, ties):
    generator = np.random.default_rng(seed)
    values = generator.normal(size=arrivals)
    if ties:
        values = np.round(values)
    arrived = generator.random((arrivals, streams)) < 0.6
    counts = higher_before(values, arrived)
    for stream in range(streams):
        for index in range(arrivals):
            before = values[:index][arrived[:index, stream]]
            assert counts[index, stream] == (before > values[index]).sum()


def test_infinite_values_are_values():
    arrived = np.ones((4, 1), dtype=bool)
    assert higher_before(np.array([np.inf, 1.0, np.inf, -np.inf]), arrived)[:, 0].tolist() == [0, 1, 0, 3]
