"""The engine by itself: on kept embeddings whose neighbours are known."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.budget.policies.gallery_separability import GALLERY_SEPARABILITY
from bench.budget.policies.random import RANDOM
from bench.budget.thresholding.calibrated import FixedThresholds
from bench.budget.thresholding.stream import StreamDecider
from bench.errors import BenchError
from bench.inference.answers import PARTS, Answers
from bench.inference.compaction import StepProfile, measure_steps
from bench.inference.engine import Engine
from bench.inference.gallery import Gallery, GalleryExit
from bench.inference.replay import ReplayBackend
from bench.networks import ExitSpec
from bench.retrieval.neighbours import GalleryIndex

EXITS = (ExitSpec("exit 1", 16, "binary"), ExitSpec("exit 2", 3, "continuous"), ExitSpec("exit 3", 16, "binary"))
COSTS = np.array([1.0, 3.0, 10.0])
PIDS, CAMIDS = np.array([1, 1, 2, 3, 4, 5]), np.array([1, 2, 1, 2, 3, 3])
QUERIES = 20


class Watched(ReplayBackend):
    """Keeps what it was asked for."""

    def start(self, images):
        self.asked = []
        return super().start(images)

    def step(self, state, exit_index):
        self.asked.append((exit_index, len(state)))
        return super().step(state, exit_index)


def embeddings(count, seed):
    generator = np.random.default_rng(seed)
    return [
        generator.integers(0, 256, (count, 2), dtype=np.uint8),
        generator.normal(size=(count, 3)).astype(np.float32),
        generator.integers(0, 256, (count, 2), dtype=np.uint8),
    ]


def enrolled(exits, codes=None):
    kept = tuple(GalleryExit(spec.name, spec.dim, spec.code) for spec in exits)
    codes = embeddings(len(PIDS), 0)[: len(exits)] if codes is None else codes
    return Gallery("a run", "its weights", kept, tuple(codes), PIDS, CAMIDS, tuple("abcdef"))


@pytest.fixture
def gallery():
    return enrolled(EXITS)


@pytest.fixture
def backend():
    return Watched(EXITS, embeddings(QUERIES, 1))


def standing(*thresholds):
    return lambda: FixedThresholds(np.array(thresholds))


def make(backend, gallery, **changes):
    parts = {"policy": GALLERY_SEPARABILITY, "decider": standing(2.0, 0.5), "costs": COSTS}
    return Engine(backend, gallery, **{**parts, **changes})


CAMERAS = np.arange(QUERIES) % 3 + 1
ROWS = np.arange(QUERIES)


def test_who_left_goes_no_further(backend, gallery):
    answers = make(backend, gallery).answer(ROWS, CAMERAS)
    left = np.bincount(answers.exits, minlength=3)
    assert (left > 0).all(), "in the example queries leave at every exit"
    assert backend.asked == [(0, 20), (1, 20 - left[0]), (2, left[2])]
    assert answers.runs == {(0, 20): 1, (1, 20 - left[0]): 1, (2, left[2]): 1}
    assert answers.macs.tolist() == COSTS[answers.exits].tolist()
    assert answers.fractions.tolist() == (left / QUERIES).tolist()
    # A later exit is a later answer, and all of the time is accounted for.
    assert answers.milliseconds[answers.exits == 0].max() < answers.milliseconds[answers.exits == 2].min()
    assert sum(answers.parts.values()) == pytest.approx(answers.milliseconds.max(), rel=0.2)
    assert set(answers.parts) == set(PARTS)


def test_carrying_those_who_left_changes_no_answer(backend, gallery):
    compact = make(backend, gallery).answer(ROWS, CAMERAS)
    carrying = make(backend, gallery, pays=lambda *_: False).answer(ROWS, CAMERAS)
    assert backend.asked == [(0, 20), (1, 20), (2, 20)]
    sometimes = make(backend, gallery, pays=lambda exit_index, carried, staying: exit_index == 1)
    for answers in (carrying, sometimes.answer(ROWS, CAMERAS)):
        for name in ("exits", "indices", "distances", "confidence", "macs"):
            assert np.array_equal(getattr(answers, name), getattr(compact, name), equal_nan=name == "confidence")
        for one, other in zip(answers.codes, compact.codes, strict=True):
            assert np.array_equal(one, other)
    assert backend.asked == [(0, 20), (1, 20), (2, int((compact.exits == 2).sum()))]


def test_a_policy_that_reads_no_neighbours_has_none_looked_for_before_a_query_leaves(backend, gallery, monkeypatch):
    draws = np.random.default_rng(5).random((QUERIES, 3))
    parts = {"draws": draws, "decider": standing(0.6, 0.4)}
    expected = make(backend, gallery, policy=replace(RANDOM, searches=True), **parts).answer(ROWS, CAMERAS)
    left = np.bincount(expected.exits, minlength=3)
    assert (left > 0).all(), "in the example queries leave at every exit"
    assert expected.searches.tolist() == [QUERIES, QUERIES - left[0], left[2]]
    looked = []
    search = GalleryIndex.search
    monkeypatch.setattr(
        GalleryIndex, "search", lambda self, query, **more: looked.append(len(query)) or search(self, query, **more)
    )
    answers = make(backend, gallery, policy=RANDOM, **parts).answer(ROWS, CAMERAS)
    assert looked == answers.searches.tolist() == left.tolist()
    for name in ("exits", "indices", "distances", "confidence", "macs"):
        assert np.array_equal(getattr(answers, name), getattr(expected, name), equal_nan=name == "confidence")
    for one, other in zip(answers.codes, expected.codes, strict=True):
        assert np.array_equal(one, other)
    # Nobody leaves at the first exit: nothing is looked for there.
    looked.clear()
    make(backend, gallery, policy=RANDOM, draws=draws, decider=standing(2.0, 0.0)).answer(ROWS, CAMERAS)
    assert looked == [QUERIES]


@pytest.mark.parametrize("thresholding", ["calibrated", "stream"])
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(came=st.integers(1, QUERIES), batch=st.integers(1, QUERIES), seed=st.integers(0, 99))
def test_waiting_for_others_changes_no_answer(gallery, thresholding, came, batch, seed):
    """Queries come ``came`` at a time, and ``batch`` of them go on together."""
    draws = np.random.default_rng(seed).random((QUERIES, 3))
    decide = standing(0.6, 0.4) if thresholding == "calibrated" else lambda: StreamDecider(np.array([0.4, 0.5, 1.0]))
    backend = Watched(EXITS, embeddings(QUERIES, seed))
    engine = make(backend, gallery, policy=RANDOM, draws=draws, decider=decide)
    parts = [slice(first, first + came) for first in range(0, QUERIES, came)]
    order = np.random.default_rng(seed).permutation(QUERIES)
    expected = Answers.joined([engine.answer(order[part], CAMERAS[order[part]], order[part]) for part in parts])
    engine.restart()
    answers = engine.answer_all((order[part] for part in parts), CAMERAS[order], order, batch=batch)
    for name in ("exits", "indices", "distances", "confidence", "macs"):
        assert np.array_equal(getattr(answers, name), getattr(expected, name), equal_nan=name == "confidence")
    for one, other in zip(answers.codes, expected.codes, strict=True):
        assert np.array_equal(one, other)
    went = [sum(size * count for (at, size), count in answers.runs.items() if at == index) for index in range(3)]
    assert went == [int((answers.exits >= index).sum()) for index in range(3)]
    for index in (1, 2):
        few = sum(count for (at, size), count in answers.runs.items() if at == index and size < batch)
        assert few <= 1, "a step runs on fewer at the end alone"
    assert (answers.milliseconds >= answers.network_milliseconds).all()


def test_answers_are_the_nearest_of_other_cameras(backend, gallery):
    answers = make(backend, gallery).answer(ROWS, CAMERAS)
    for row, index in enumerate(answers.exits):
        code, images = backend.embeddings[index][row], gallery.indexes[index].codes
        if EXITS[index].code == "binary":
            distances = np.bitwise_count(code[None] ^ images).sum(axis=1).astype(float)
        else:
            distances = np.sqrt(((code[None].astype(float) - images) ** 2).sum(axis=1)).astype(np.float32)
        distances[CAMERAS[row] == CAMIDS] = np.inf
        order = np.argsort(distances, kind="stable")[: np.isfinite(distances).sum()][:5]
        assert answers.indices[row, : len(order)].tolist() == order.tolist()
        np.testing.assert_allclose(answers.distances[row, : len(order)], distances[order], rtol=1e-6)
        assert (answers.indices[row, len(order) :] == -1).all()


def test_a_query_of_no_camera_sees_the_whole_gallery(backend, gallery):
    answers = make(backend, gallery).answer(ROWS[:3], np.full(3, -1))
    assert (answers.indices >= 0).all()


def test_draws_are_by_number(backend, gallery):
    draws = np.random.default_rng(0).random((QUERIES, 3))
    engine = make(backend, gallery, policy=RANDOM, draws=draws, decider=standing(0.5, 0.5))
    order = np.random.default_rng(1).permutation(QUERIES)
    answers = engine.answer(ROWS[order], CAMERAS[order], order)
    expected = np.where(draws[:, 0] >= 0.5, 0, np.where(draws[:, 1] >= 0.5, 1, 2))
    assert np.array_equal(answers.exits, expected[order])


def test_answers_join(backend, gallery):
    engine = make(backend, gallery)
    whole = engine.answer(ROWS, CAMERAS)
    parts = [engine.answer(ROWS[part], CAMERAS[part]) for part in (slice(0, 7), slice(7, 8), slice(8, 20))]
    joined = Answers.joined(parts)
    assert np.array_equal(joined.exits, whole.exits)
    assert np.array_equal(joined.indices, whole.indices)
    for one, other in zip(joined.codes, whole.codes, strict=True):
        assert np.array_equal(one, other)
    assert sum(size * count for (index, size), count in joined.runs.items() if index == 0) == QUERIES


READER = replace(RANDOM, name="reader", drawn=False, reads=("features",))
FEATURES = np.zeros((len(PIDS), 3), dtype=np.float16)


def test_parts_of_different_networks_are_refused(backend, gallery):
    longer = np.zeros((len(PIDS), 3), dtype=np.uint8)
    other = enrolled((replace(EXITS[0], dim=24), *EXITS[1:]), (longer, *gallery.codes[1:]))
    for wrong, message in (
        (lambda: make(backend, enrolled(EXITS[:2])), "build the gallery for this run"),
        (lambda: make(backend, other), "the gallery holds codes of exit 1 .24 binary"),
        (lambda: make(ReplayBackend(EXITS[:2], backend.embeddings[:2]), gallery), "build the gallery for this run"),
        (lambda: make(backend, gallery, costs=COSTS[:2]), "costs of 3 exits, found 2"),
        (lambda: make(backend, gallery, policy=RANDOM), "draws its confidences"),
        (lambda: make(backend, gallery, policy=READER), "which this gallery does not hold"),
        (
            lambda: make(backend, gallery, policy=READER, gallery_features=FEATURES),
            "which backend replay does not give",
        ),
        (lambda: make(backend, gallery, policy=replace(RANDOM, drawn=False, reads=("classes",))), "no classifier"),
        (lambda: make(backend, gallery).answer(ROWS[:0], CAMERAS[:0]), "1 image or more"),
        (lambda: ReplayBackend(EXITS, backend.embeddings[:1]), "embeddings of 3 exits, found 1"),
    ):
        with pytest.raises(BenchError, match=message):
            wrong()


PROFILE = StepProfile((1, 4, 8), ((1.0, 4.0, 8.0), (2.0, 2.0, 2.0), (1.0, 4.0, 8.0)), ((0.1,) * 3, (0.5,) * 3), 5)


def test_a_copy_pays_where_the_next_step_saves_more():
    # The second step takes 2 ms for any batch: there is nothing to save. The third grows by 1 ms an image.
    assert not PROFILE.pays(0, 8, 1)
    assert PROFILE.pays(1, 8, 7)
    assert not PROFILE.pays(1, 8, 8)
    # Of 7 rows that stay of 8, one in eight is moved: 1.125 ms of 9 ms, and the step saves 1 ms. Of 4, half of them.
    slow = replace(PROFILE, selects=((0.1,) * 3, (9.0, 9.0, 9.0)))
    assert not slow.pays(1, 8, 7)
    assert not slow.pays(1, 8, 4)
    assert replace(slow, selects=((0.1,) * 3, (7.9, 7.9, 7.9))).pays(1, 8, 7)
    assert PROFILE.step(0, 6) == pytest.approx(6.0)
    assert PROFILE.step(0, 16) == pytest.approx(16.0)
    assert PROFILE.total({(0, 8): 2, (1, 3): 1}) == pytest.approx(18.0)


def test_profiles_of_other_sizes_are_joined_by_size():
    ours = StepProfile((1, 8), ((1.0, 8.0), (2.0, 9.0)), ((0.1, 0.8),), 7)
    other = StepProfile((3, 8), ((5.0, 70.0), (6.0, 70.0)), ((0.5, 70.0),), 5)
    joined = ours.joined(other)
    assert joined == StepProfile((1, 3, 8), ((1.0, 5.0, 8.0), (2.0, 6.0, 9.0)), ((0.1, 0.5, 0.8),), 5)
    assert (joined.step(0, 3), ours.step(0, 3)) == (5.0, 3.0)


def test_a_profile_is_measured_on_the_backend(backend):
    profile = measure_steps(backend, ROWS, sizes=(1, 4, 16, 64), seconds=0.0)
    assert profile.sizes == (1, 4, 16)
    assert np.array(profile.steps).shape == (3, 3)
    assert np.array(profile.selects).shape == (2, 3)
    assert (np.array(profile.steps) > 0).all()
    assert profile.runs == 5
    with pytest.raises(BenchError, match="at least one image"):
        measure_steps(backend, ROWS[:0])
