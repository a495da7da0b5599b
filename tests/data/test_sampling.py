from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.data.sampling import identity_batches
from bench.errors import BenchError
from bench.training.recipe import Recipe

RECIPE = Recipe(identities_per_batch=3, images_per_identity=4)


@st.composite
def cases(draw):
    counts = draw(st.lists(st.integers(1, 9), min_size=1, max_size=12))
    pids = draw(st.lists(st.integers(-5, 2000), min_size=len(counts), max_size=len(counts), unique=True))
    labels = np.array(draw(st.permutations(np.repeat(pids, counts).tolist())), dtype=np.int64)
    identities = draw(st.integers(1, len(counts)))
    recipe = Recipe(
        identities_per_batch=identities,
        images_per_identity=draw(st.integers(1 if identities > 1 else 2, 5)),  # no batch is of one image
        batches_per_epoch=draw(st.integers(0, 8)),
    )
    return labels, recipe, draw(st.integers(0, 2**32)), draw(st.integers(0, 200))


@given(cases())
@settings(deadline=None)
def test_every_batch_is_p_by_k_and_an_epoch_is_even(case):
    labels, recipe, seed, epoch = case
    per_batch, per_identity = recipe.identities_per_batch, recipe.images_per_identity
    batches = identity_batches(labels, recipe, seed, epoch)
    assert len(batches) == (recipe.batches_per_epoch or max(1, len(labels) // (per_batch * per_identity)))
    image_counts, identity_counts = Counter(), Counter()
    for batch in batches:
        assert batch.shape == (per_batch * per_identity,)
        shown = labels[batch].reshape(per_batch, per_identity)
        assert (shown == shown[:, :1]).all()
        assert len(set(shown[:, 0])) == per_batch
        for pid, images in zip(shown[:, 0], batch.reshape(per_batch, per_identity), strict=True):
            repeats = [images.tolist().count(image) for image in np.flatnonzero(labels == pid)]
            assert max(repeats) - min(repeats) <= 1
        identity_counts.update(shown[:, 0].tolist())
        image_counts.update(batch.tolist())
    times = [identity_counts[pid] for pid in set(labels.tolist())]
    assert max(times) - min(times) <= 1
    for pid in set(labels.tolist()):
        times = [image_counts[image] for image in np.flatnonzero(labels == pid)]
        assert max(times) - min(times) <= 1


@given(cases())
@settings(deadline=None)
def test_a_pure_function_of_seed_and_epoch(case):
    labels, recipe, seed, epoch = case
    np.random.seed(0)  # noqa: NPY002  the global generator must not matter
    first = identity_batches(labels, recipe, seed, epoch)
    identity_batches(labels, recipe, seed, epoch + 1)
    np.random.seed(1)  # noqa: NPY002
    np.testing.assert_array_equal(first, identity_batches(labels, recipe, seed, epoch))


def test_epochs_and_seeds_differ():
    labels = np.repeat(np.arange(20), 6)
    drawn = [np.concatenate(identity_batches(labels, RECIPE, seed, epoch)) for seed in (0, 1) for epoch in (0, 1, 2)]
    assert len({batch.tobytes() for batch in drawn}) == len(drawn)


def test_draws_are_uniform():
    labels = np.repeat(np.arange(8), [4, 4, 5, 6, 7, 8, 9, 30])
    recipe = replace(RECIPE, batches_per_epoch=1)
    identities, images = Counter(), Counter()
    for epoch in range(4000):
        (batch,) = identity_batches(labels, recipe, 0, epoch)
        identities.update(labels[batch[::4]].tolist())
        images.update(batch.tolist())
    for pid in range(8):  # 4000 · 3/8 = 1500 expected, standard deviation 31
        assert identities[pid] == pytest.approx(1500, abs=150)
    for image in range(43, 73):  # 1500 · 4/30 = 200 expected, standard deviation 13
        assert images[image] == pytest.approx(200, abs=65)


def test_too_few_identities_say_what_to_lower():
    with pytest.raises(BenchError, match=r"wants 3 .* show 2: lower identities_per_batch to 2"):
        identity_batches(np.array([5, 5, 9]), RECIPE, 0, 0)
