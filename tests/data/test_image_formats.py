"""Pictures of every kind that a set may hold: what the image store makes of them."""

import numpy as np
import pytest
from painted import paint, pixels_of, store_one
from PIL import Image


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def test_shrinking_is_antialiased(tmp_path, cache):
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    assert np.abs(store_one(tmp_path / "stripes.png", cache).astype(int) - 127).max() < 20


def test_grey_palette_and_transparent_images(tmp_path, cache):
    upright = Image.open(paint(tmp_path / "rgb.png", size=(8, 16)))
    for mode in ("L", "1", "P", "RGBA", "LA", "CMYK"):
        path = tmp_path / f"{mode}.tiff" if mode == "CMYK" else tmp_path / f"{mode}.png"
        upright.convert(mode).save(path)
        np.testing.assert_array_equal(
            store_one(path, cache), np.asarray(upright.convert(mode).convert("RGB")).transpose(2, 0, 1), err_msg=mode
        )
    palette = upright.quantize(16)
    palette.save(tmp_path / "see_through.png", transparency=bytes([0, 128] + [255] * 14))
    np.testing.assert_array_equal(
        store_one(tmp_path / "see_through.png", cache), np.asarray(palette.convert("RGB")).transpose(2, 0, 1)
    )


def test_names_in_any_letters_and_bytes(tmp_path, cache):
    for name in ("Zoë 李.JPG", "byte_\udcff.png"):
        try:
            path = paint(tmp_path / name)
        except OSError:
            pytest.skip("this file system takes UTF-8 alone")
        np.testing.assert_array_equal(store_one(path, cache), pixels_of(path))


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bit_grey_is_scaled_and_not_clipped(tmp_path, cache, suffix):
    values = np.linspace(0, 65535, 16 * 8).reshape(16, 8).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / f"deep.{suffix}")
    expected = np.broadcast_to(np.rint(values / 257), (3, 16, 8))
    np.testing.assert_array_equal(store_one(tmp_path / f"deep.{suffix}", cache), expected)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_exif_rotation_is_undone(tmp_path, cache, orientation):
    upright = Image.open(paint(tmp_path / "upright.png", size=(8, 16)))
    turn = {1: 0, 3: 180, 6: 90, 8: 270}[orientation]  # 6: the camera was held so that the picture is to turn clockwise
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright.rotate(turn, expand=True).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(store_one(tmp_path / "turned.png", cache), np.asarray(upright).transpose(2, 0, 1))
