from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.data.dataset import ImageSample
from bench.data.split import hold_out, relabel
from bench.errors import BenchError

IMAGE_COUNTS = st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=4, max_size=9)
"""Images of each identity under each of three cameras."""


def frames_of(counts) -> list[ImageSample]:
    return [
        ImageSample(Path(f"{pid:04}_c{camid}_{image}.jpg"), pid, camid)
        for pid, cameras in enumerate(counts, 1)
        for camid, images in enumerate(cameras, 1)
        for image in range(images)
    ]


def matched(query, gallery) -> int:
    return sum(any(g.pid == q.pid and g.camid != q.camid for g in gallery) for q in query)


@given(IMAGE_COUNTS, st.floats(0.01, 0.9), st.integers(0, 5))
@settings(deadline=None)
def test_parts_are_a_partition_by_identity_and_every_query_has_a_match(counts, share, seed):
    samples = frames_of(counts)
    pids = {sample.pid for sample in samples}
    eligible = {pid for pid in pids if len({sample.camid for sample in samples if sample.pid == pid}) > 1}
    wanted = min(max(2, round(share * len(pids))), len(eligible))
    if len(eligible) < 2 or wanted == len(pids):
        with pytest.raises(BenchError, match="cannot hold out"):
            hold_out(samples, share, seed)
        return
    training, query, gallery = hold_out(samples, share, seed)
    assert Counter(training) + Counter(query) + Counter(gallery) == Counter(samples)
    held_out = {sample.pid for sample in (*query, *gallery)}
    assert held_out <= eligible
    assert len(held_out) == wanted
    assert held_out.isdisjoint(sample.pid for sample in training)
    assert max(Counter((sample.pid, sample.camid) for sample in query).values()) == 1
    assert {sample.pid for sample in query} == held_out
    assert matched(query, gallery) == len(query)
    for part in (training, query, gallery):
        assert list(part) == [sample for sample in samples if sample in set(part)]


@pytest.mark.parametrize("cameras", [c for c in product(range(4), repeat=3) if sum(n > 0 for n in c) > 1])
def test_no_other_choice_has_more_queries_with_a_match(cameras):
    samples = frames_of([cameras, [2, 2, 0], [1, 0, 0]])
    _, query, gallery = hold_out(samples, 0.5, seed=0)
    person = [sample for sample in samples if sample.pid == 1]
    best = 0
    for asking in product(*([None, *(f for f in person if f.camid == camid)] for camid in (1, 2, 3))):
        best = max(best, matched([q for q in asking if q], [f for f in person if f not in asking]))
    assert matched([q for q in query if q.pid == 1], gallery) == best


@given(IMAGE_COUNTS.filter(lambda counts: len(counts) > 5), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_outcome_depends_on_the_seed_and_not_on_the_order(counts, random):
    counts = [[1, 2, 3], [2, 0, 2], *counts, [1, 0, 0]]
    samples = frames_of(counts)
    shuffled = random.sample(samples, len(samples))
    for one, other in zip(hold_out(samples, 0.3, 7), hold_out(shuffled, 0.3, 7), strict=True):
        assert set(one) == set(other)


def test_seeds_differ_and_a_larger_share_holds_out_the_same_people_and_more():
    samples = frames_of([[2, 2, 1]] * 60)
    held_out = {seed: {sample.pid for sample in hold_out(samples, 0.2, seed)[1]} for seed in range(4)}
    assert len({frozenset(pids) for pids in held_out.values()}) == 4
    assert held_out[0] < {sample.pid for sample in hold_out(samples, 0.4, 0)[1]}
    queries = [{sample.path for sample in hold_out(samples, 0.9, seed)[1] if sample.camid == 1} for seed in (0, 1)]
    assert any(path.name.endswith("_1.jpg") for path in queries[0])
    assert any(path.name.endswith("_0.jpg") for path in queries[0])


def test_share_of_nothing_and_of_too_much():
    samples = frames_of([[2, 2, 0]] * 4)
    assert hold_out(samples, 0, seed=1) == (tuple(samples), (), ())
    assert len({sample.pid for sample in hold_out(samples, 0.01, seed=1)[1]}) == 2
    for share in (1, -0.1, 1.5, float("nan")):
        with pytest.raises(BenchError, match=r"lie in \[0, 1\)"):
            hold_out(samples, share, seed=1)
    with pytest.raises(BenchError, match="of 3 identities, 1 are seen by two cameras"):
        hold_out(frames_of([[2, 2, 0], [3, 0, 0], [0, 0, 1]]), 0.3, seed=1)
    with pytest.raises(BenchError, match="train on others"):
        hold_out(frames_of([[2, 2, 0]] * 2), 0.5, seed=1)


def test_relabel_numbers_identities_in_ascending_order():
    samples = [ImageSample(Path(str(index)), pid, 1) for index, pid in enumerate([1500, 2, 7, 2, 1500])]
    np.testing.assert_array_equal(relabel(samples), [2, 0, 1, 0, 2])
    assert relabel(samples).dtype == np.int64
    assert relabel([]).shape == (0,)
