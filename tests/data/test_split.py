from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.data.dataset import ImageSample
from bench.data.split import hold_out, relabel, sides_of
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


def test_cameras_of_a_test_that_ask_and_answer_are_those_of_held_out_people():
    samples = frames_of([[3, 2, 4]] * 8 + [[2, 2, 0]] * 4)
    people = {sample.pid for sample in hold_out(samples, 0.6, 3)[1]}
    assert {pid > 8 for pid in people} == {True, False}
    for asking, sought in ((1, 3), (2, 3), (3, 1), (2, 1)):
        test = [[ImageSample(Path("test.jpg"), 99, camid)] for camid in (asking, sought)]
        training, query, gallery = hold_out(samples, 0.6, 3, sides_of(*test))
        assert {sample.pid for sample in training} == {sample.pid for sample in samples} - people
        for pid in people:
            own = [sample for sample in samples if sample.pid == pid]
            asked, answered = ([sample for sample in part if sample.pid == pid] for part in (query, gallery))
            if {asking, sought} <= {sample.camid for sample in own}:
                assert asked == [sample for sample in own if sample.camid == asking]
                assert answered == [sample for sample in own if sample.camid == sought]
            else:  # seen by no camera of one side: split as ever
                assert sorted([*asked, *answered]) == sorted(own)
                assert matched(asked, answered) == len(asked) > 0


def test_a_test_has_no_sides_where_one_camera_asks_and_answers():
    one, two, both = ([ImageSample(Path("a.jpg"), 1, camid) for camid in camids] for camids in ((1,), (2, 3), (1, 2)))
    assert sides_of(one, two) == ({1}, {2, 3})
    assert sides_of(one, both) is sides_of(both, two) is sides_of(one, []) is None


def test_people_who_never_change_teach_no_threshold_where_clothes_count():
    always = [replace(sample, clothes=1) for sample in frames_of([[2, 2, 0]] * 6)]
    with pytest.raises(BenchError, match=r"none of the 2 identities held out .* wears other clothes in another camera"):
        hold_out(always, 0.3, seed=0)
    changing = [replace(sample, clothes=sample.camid) for sample in always]
    assert len(hold_out(changing, 0.3, seed=0)[1]) == 4
