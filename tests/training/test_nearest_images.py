import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.retrieval.codes import pack
from bench.training.nearest_images import NEIGHBOURS, nearest_in_other_cameras


@given(st.integers(0, 1000), st.integers(1, 25), st.booleans())
def test_neighbours_are_those_of_a_full_sort(seed, images, binary):
    generator = np.random.default_rng(seed)
    camids = generator.integers(1, 4, images)
    if binary:
        signs = generator.choice([-1, 1], (images, 12))
        codes, distances = pack(signs), (signs[:, None] != signs[None]).sum(axis=2)
    else:
        codes = generator.integers(0, 3, (images, 2)).astype(np.float32)
        distances = np.linalg.norm(codes[:, None] - codes[None], axis=2).astype(np.float32)
    found = nearest_in_other_cameras(codes, camids)
    for image in range(images):
        others = [other for other in range(images) if camids[other] != camids[image]]
        expected = sorted(others, key=lambda other: distances[image, other])[:NEIGHBOURS]
        assert found[image].tolist() == expected + [-1] * (NEIGHBOURS - len(expected))


def test_one_camera_has_no_others():
    codes = np.zeros((3, 2), dtype=np.float32)
    assert nearest_in_other_cameras(codes, np.ones(3, dtype=int)) == pytest.approx(-1)
