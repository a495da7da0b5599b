"""Pooling the samples of a tracklet, worked out by hand."""

from pathlib import Path

import numpy as np
import pytest

from bench.data.dataset import ImageSample
from bench.data.images import ImageStore, dataset_fingerprint
from bench.data.tracklets import entries
from bench.errors import BenchError
from bench.retrieval.codes import pack, unpack
from bench.retrieval.tracklets import pool_tracklets


def samples(*tracklets: int | None, pids: dict[int | None, int] | None = None) -> list[ImageSample]:
    return [
        ImageSample(Path(f"{index}.jpg"), (pids or {}).get(number, 1), 1, number)
        for index, number in enumerate(tracklets)
    ]


def test_floats_have_the_mean_and_keep_the_order_of_appearance():
    values = np.array([[1, 2], [10, 0], [3, 6], [20, 1]], dtype=np.float32)
    (pooled,) = pool_tracklets([values], samples(7, 2, 7, 2))
    np.testing.assert_array_equal(pooled, np.array([[2, 4], [15, 0.5]], dtype=np.float32))
    assert pooled.dtype == np.float32


def test_codes_have_the_majority_and_ties_are_negative():
    #             all +  two of three  one of three  none
    first = np.array([[1, 1, 1, -1, 1], [1, 1, -1, -1, 1], [1, -1, -1, -1, 1]])
    #             both +  a tie  a tie  none
    second = np.array([[1, 1, -1, -1, -1], [1, -1, 1, -1, -1]])
    packed = pack(np.concatenate([first, second]))
    (pooled,) = pool_tracklets([packed], samples(0, 0, 0, 1, 1))
    np.testing.assert_array_equal(unpack(pooled, 5), [[1, 1, -1, -1, 1], [1, -1, -1, -1, -1]])
    assert pooled.dtype == np.uint8


def test_every_exit_is_pooled():
    codes, floats = pack(np.array([[1, -1], [1, 1]])), np.array([[0.0], [1.0]], dtype=np.float32)
    pooled = pool_tracklets([codes, floats], samples(4, 4))
    np.testing.assert_array_equal(unpack(pooled[0], 2), [[1, -1]])
    np.testing.assert_array_equal(pooled[1], [[0.5]])


def test_images_without_tracklets_stand_alone():
    alone = samples(None, None)
    values = [np.ones((2, 3), dtype=np.float32)]
    assert pool_tracklets(values, alone) is values
    assert entries(alone) == tuple(alone)


def test_entries_are_the_first_frames():
    images = samples(5, 3, 5, 3, 9, pids={5: 50, 3: 30, 9: 90})
    assert entries(images) == (images[0], images[1], images[4])


def test_frames_that_do_not_agree_are_named():
    with pytest.raises(BenchError, match=r"1\.jpg: has no tracklet, though other images"):
        entries(samples(5, None))
    other_person = ImageSample(Path("other.jpg"), 2, 1, 5)
    with pytest.raises(BenchError, match=r"other\.jpg: tracklet 5 must show one identity .* and 1 in 1 in 0\.jpg"):
        entries([*samples(5), other_person])


def test_another_grouping_is_other_data():
    def fingerprint(*tracklets: int | None) -> str:
        images = np.zeros((len(tracklets), 3, 1, 1), dtype=np.uint8)
        return dataset_fingerprint(ImageStore(tuple(samples(*tracklets)), images, "the same pixels"))

    assert len({fingerprint(None, None), fingerprint(1, 1), fingerprint(1, 2)}) == 3
