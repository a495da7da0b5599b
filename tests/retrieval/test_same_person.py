"""Verification: every number against scikit-learn's ROC curve of all pairs, laid out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import auc, roc_curve

from bench.budget.verification import verification_records
from bench.errors import BenchError
from bench.retrieval.codes import pack
from bench.retrieval.matching import distances_between
from bench.retrieval.same_person import accepted_pairs


def gallery_and_queries(seed, kind, queries=40, images=90, people=12):
    """Codes with many equal distances, junk, distractors, and people of one camera."""
    generator = np.random.default_rng(seed)
    pids = [generator.integers(-1 if count == images else 1, people, count) for count in (queries, images)]
    camids = [generator.integers(0, 3, count) for count in (queries, images)]
    centres = generator.normal(size=(people + 1, 9))
    values = [centres[p] + 1.5 * generator.normal(size=(len(p), 9)) for p in pids]
    codes = [pack(one > 0) if kind == "bits" else np.round(one, 1).astype(np.float32) for one in values]
    return codes, pids, camids


def every_pair(codes, pids, camids):
    """Distances of all pairs that count, and whether they are genuine."""
    distances = distances_between(*codes)
    same = pids[0][:, None] == pids[1][None]
    counted = (pids[1] != -1)[None] & ~(same & (camids[0][:, None] == camids[1][None]))
    return distances[counted].astype(float), same[counted]


@pytest.mark.parametrize("kind", ["bits", "floats"])
@pytest.mark.parametrize("block_values", [90, 1 << 20])
def test_numbers_are_those_of_the_whole_curve(kind, block_values):
    for seed in range(5):
        codes, pids, camids = gallery_and_queries(seed, kind)
        found = accepted_pairs(*codes, pids[0], camids[0], pids[1], camids[1], block_values=block_values)
        distances, genuine = every_pair(codes, pids, camids)
        assert (len(found.distances), found.impostors) == (genuine.sum(), (~genuine).sum())
        false, true, thresholds = roc_curve(genuine, -distances, drop_intermediate=False)
        assert found.area == pytest.approx(auc(false, true), abs=1e-12)
        # Where the curve crosses the falling diagonal, on straight lines between its points.
        grid = np.interp(0, (false + true) - 1, false)
        assert found.equal_error_rate == pytest.approx(grid, abs=1e-9)
        for rate in (0.3, 0.1, 0.01, 0.001, 0.0):
            accepted, distance = found.at(rate)
            assert accepted == pytest.approx(true[false <= rate].max(), abs=1e-12)
            if distance is not None:
                assert (distances[~genuine] <= distance).mean() <= rate
                assert (distances[genuine] <= distance).mean() == pytest.approx(accepted, abs=1e-12)
                assert distance <= -thresholds[false <= rate].min()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_rates_rise_and_lie_between_0_and_1(seed):
    codes, pids, camids = gallery_and_queries(seed, "bits", queries=12, images=25, people=4)
    found = accepted_pairs(*codes, pids[0], camids[0], pids[1], camids[1])
    for rates in (found.true_accept_rates, found.false_accept_rates):
        assert (np.diff(rates) >= 0).all()
        assert 0 <= rates[0] <= rates[-1] <= 1
    assert found.true_accept_rates[-1] == 1
    assert 0 <= found.equal_error_rate <= 1
    assert (np.diff(found.below) >= 0).all()
    assert (found.below <= found.within).all()


def test_apart_and_alike():
    """Perfect codes make no error; equal codes cannot tell anybody apart."""
    pids, camids = np.array([1, 2]), np.array([0, 0])
    codes = np.array([[0.0, 0.0], [9.0, 0.0]])
    perfect = accepted_pairs(codes, codes, pids, camids, pids, camids + 1)
    assert (perfect.area, perfect.equal_error_rate, perfect.at(0)) == (1.0, 0.0, (1.0, 0.0))
    alike = accepted_pairs(codes * 0, codes * 0, pids, camids, pids, camids + 1)
    assert (alike.area, alike.equal_error_rate, alike.at(1e-4)) == (0.5, 0.5, (0.0, None))


def test_without_two_people_there_is_nothing_to_tell():
    codes = np.zeros((2, 3))
    with pytest.raises(BenchError, match="no pair of two people"):
        accepted_pairs(codes, codes, [1, 1], [0, 0], [1, 1], [1, 1])
    with pytest.raises(BenchError, match="no pair of one person in two cameras"):
        accepted_pairs(codes, codes, [1, 2], [0, 0], [1, 2], [0, 0])


def test_records_have_intervals_over_people():
    codes, pids, camids = gallery_and_queries(3, "bits", queries=200, images=300, people=40)
    pairs = accepted_pairs(*codes, pids[0], camids[0], pids[1], camids[1])
    records = verification_records([pairs, pairs], pids[0], 100, 0)
    summaries = [record for record in records if record["kind"] == "verification"]
    assert [record["exit"] for record in summaries] == [0, 1]
    one = summaries[0]
    for name in ("1e-2", "1e-3"):
        value, low, high = (one[f"true_accepts_at_{name}{end}"] for end in ("", "_low", "_high"))
        assert low <= value <= high
        assert high - low < 0.5
    points = [record for record in records if (record["kind"], record["exit"]) == ("roc", 0)]
    assert points[-1]["true_accept_rate"] == points[-1]["false_accept_rate"] == 1.0
    assert all(point["false_accept_rate"] >= 1 / pairs.impostors for point in points)
