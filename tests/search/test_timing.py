import numpy as np
import pytest
from scipy.spatial.distance import cdist

from bench.errors import BenchError
from bench.search import timing
from bench.search.timing import LengthTimes, in_turns, rank_counts, time_lengths


@pytest.fixture(scope="module")
def pairs():
    """Floats of queries and gallery, and the same as pairs of lists."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((6, 40), dtype=np.float32), rng.standard_normal((70, 40), dtype=np.float32)


def test_what_is_timed_for_floats_orders_as_euclidean_distance_does(pairs):
    queries, gallery = pairs
    expected = np.argsort(cdist(queries, gallery), axis=1)
    timed = timing._FloatGallery(gallery)
    assert np.argsort(timed.distances(queries), axis=1).tolist() == expected.tolist()
    assert np.argsort(timed.distances(queries[:1]), axis=1).tolist() == expected[:1].tolist()


def test_the_loops_compute_what_they_are_timed_for(pairs):
    queries, gallery = pairs
    lists = [(one.tolist(), other.tolist()) for one, other in zip(queries, gallery, strict=False)]
    expected = np.diag(cdist(queries, gallery[: len(queries)]))
    assert timing._loop_over_floats(lists) == pytest.approx(expected)
    assert timing._loop_over_bits([(0b1011, 0b0110), (7, 7)]) == [3, 0]


@pytest.mark.parametrize("length", [9, 70_000])
def test_counts_are_ranked_stably(length):
    distances = np.random.default_rng(0).integers(0, length + 1, 500, dtype=np.int32)
    assert rank_counts(distances, length).tolist() == sorted(range(500), key=lambda index: distances[index])


def test_functions_take_turns():
    calls = []
    medians = in_turns({"one": lambda: calls.append(1), "two": lambda: calls.append(2)}, 0.0)
    assert calls[:2] == [1, 2]
    assert calls == [1, 2] * (1 + timing.LEAST_CALLS)
    assert set(medians) == {"one", "two"}


def test_every_length_is_timed_once_shortest_first():
    times = time_lengths([40, 9, 40], gallery_size=30, seconds=0.0)
    assert [one.length for one in times] == [9, 40]
    for one in times:
        assert min(one.binary_ns, one.continuous_ns, one.loop_binary_ns, one.loop_continuous_ns) > 0
        assert one.search_ms("binary") == one.binary_search_ms > 0
        assert one.search_ms("continuous") == one.continuous_search_ms > 0
    assert (times[0].binary_bytes, times[0].continuous_bytes) == (2, 36)


@pytest.mark.parametrize(("lengths", "size"), [([], 5), ([0], 5), ([8], 0)])
def test_what_cannot_be_timed(lengths, size):
    with pytest.raises(BenchError, match="1 or more"):
        time_lengths(lengths, size)


def test_bytes_of_whole_and_broken_bytes():
    assert LengthTimes(2048, 1, 1, 1, 1, 1, 1).binary_bytes == 256
    assert LengthTimes(129, 1, 1, 1, 1, 1, 1).binary_bytes == 17
