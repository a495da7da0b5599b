from __future__ import annotations

import numpy as np
import pytest

from bench.errors import BenchError
from bench.retrieval.codes import half_precision, pack, unpack

LENGTHS = (1, 7, 8, 9, 63, 64, 65, 256)


@pytest.mark.parametrize("length", LENGTHS)
def test_packing_and_unpacking_gives_the_code_back(length: int) -> None:
    signs = np.random.default_rng(length).choice([-1, 1], size=(5, length))
    packed = pack(signs)
    assert packed.dtype == np.uint8
    assert packed.shape == (5, -(-length // 8))
    assert unpack(packed, length).dtype == np.int8
    np.testing.assert_array_equal(unpack(packed, length), signs)


def test_floats_integers_and_booleans_pack_alike() -> None:
    signs = np.random.default_rng(0).choice([-1, 1], size=(4, 13))
    for form in (signs.astype(np.float32), signs.astype(np.int8), signs > 0):
        np.testing.assert_array_equal(pack(form), pack(signs))


def test_places_beyond_the_length_are_zero() -> None:
    np.testing.assert_array_equal(pack(np.ones((1, 9))), [[255, 128]])


def test_no_rows_pack_to_no_rows() -> None:
    assert pack(np.ones((0, 9))).shape == (0, 2)


@pytest.mark.parametrize("wrong", [0.0, 0.5, 2.0, np.nan])
def test_values_other_than_plus_and_minus_one_are_refused(wrong: float) -> None:
    signs = np.ones((2, 5))
    signs[1, 3] = wrong
    with pytest.raises(BenchError, match="row 1, column 3"):
        pack(signs)


def test_shapes_and_types_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BenchError, match=r"\(N, L\)"):
        pack(np.ones(8))
    with pytest.raises(BenchError, match=r"uint8 \(N, 2\)"):
        unpack(np.zeros((3, 1), dtype=np.uint8), 9)
    with pytest.raises(BenchError, match="uint8"):
        unpack(np.zeros((3, 2), dtype=np.int64), 9)


def test_features_beyond_half_precision_stay_numbers() -> None:
    kept = half_precision(np.array([[1e9, -1e9, 65_519.0, 0.1, 3.0]], dtype=np.float32))
    assert kept.dtype == np.float16
    assert kept.tolist() == [[65_504.0, -65_504.0, 65_504.0, float(np.float16(0.1)), 3.0]]
    assert np.isnan(half_precision(np.array([np.nan]))).all(), "what is no number is not made one"
