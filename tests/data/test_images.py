import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from bench.data import images as images_module
from bench.data.dataset import ImageSample
from bench.data.images import dataset_fingerprint, open_store
from bench.errors import BenchError

SIZE = (16, 8)


def paint(path: Path, seed: int = 0, size=(10, 20), **options) -> Path:
    """Write a smooth random picture of ``size`` (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 3, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path, **options)
    return path


@pytest.fixture
def samples(tmp_path):
    return [ImageSample(paint(tmp_path / "set" / f"{pid:04}_c1.jpg", pid), pid, 1) for pid in range(1, 6)]


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


class Listener:
    """A reporter that remembers."""

    def __init__(self):
        self.notes, self.advanced = [], 0

    def note(self, message):
        self.notes.append(message)

    @contextmanager
    def task(self, title, total, *, unit=""):
        yield self

    def advance(self, amount=1, *, status=""):
        self.advanced += amount


def pixels_of(path: Path, input_size=SIZE) -> np.ndarray:
    """What the store should hold for an upright 8-bit RGB picture."""
    height, width = input_size
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)).transpose(2, 0, 1)


def store_one(path: Path, cache: Path, input_size=SIZE) -> np.ndarray:
    return open_store([ImageSample(path, 1, 1)], input_size, cache).images[0]


def test_pixels_order_and_batches(samples, cache):
    store = open_store(samples, SIZE, cache)
    assert store.images.shape == (5, 3, *SIZE)
    assert store.images.dtype == np.uint8
    assert not store.images.flags.writeable
    np.testing.assert_array_equal(store.images, [pixels_of(sample.path) for sample in samples])
    for indices in (np.array([3, 0, 3]), torch.tensor([3, 0, 3])):
        batch = store.batch(indices)
        assert batch.dtype == torch.uint8
        np.testing.assert_array_equal(batch.numpy(), store.images[[3, 0, 3]])
    batch.zero_()  # a batch is a copy
    np.testing.assert_array_equal(store.images[3], pixels_of(samples[3].path))
    np.testing.assert_array_equal(store.indices([samples[4], samples[1]]), [4, 1])


def test_shrinking_is_antialiased(tmp_path, cache):
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    assert np.abs(store_one(tmp_path / "stripes.png", cache).astype(int) - 127).max() < 20


def test_built_once_announced_and_found_again(samples, cache, monkeypatch):
    first, again = Listener(), Listener()
    store = open_store(samples, SIZE, cache, first)
    assert first.advanced == 5
    assert "decoding 5 images to 16×8 pixels" in first.notes[0]
    assert "0.0 MB" in first.notes[0]
    monkeypatch.setattr(images_module, "decode_image", None)
    found = open_store(samples, SIZE, cache, again)
    assert again.advanced == 0
    assert found.fingerprint == store.fingerprint
    np.testing.assert_array_equal(found.images, store.images)
    assert sorted(path.suffix for path in cache.iterdir()) == [".json", ".npy"]


def test_changed_file_rebuilds_and_replaces_the_old_store(samples, cache):
    before = open_store(samples, SIZE, cache)
    old = before.images.copy()
    paint(samples[2].path, seed=77)
    os.utime(samples[2].path, ns=(1, 1))
    after = open_store(samples, SIZE, cache)
    np.testing.assert_array_equal(after.images[2], pixels_of(samples[2].path))
    assert after.fingerprint != before.fingerprint
    np.testing.assert_array_equal(before.images, old)  # an open store stays as it was
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("harm", ["short", "empty", "no data", "no sidecar", "bad sidecar", "odd sidecar", "odd array"])
def test_damaged_stores_are_rebuilt(samples, cache, harm):
    store = open_store(samples, SIZE, cache)
    expected = store.images.copy()
    (data,), (sidecar,) = cache.glob("*.npy"), cache.glob("*.json")
    if harm == "short":
        data.write_bytes(data.read_bytes()[:-1])
    elif harm == "empty":
        data.write_bytes(b"")
    elif harm == "no data":
        data.unlink()
    elif harm == "no sidecar":
        sidecar.unlink()
    elif harm == "bad sidecar":
        sidecar.write_text('{"fingerprint": "12')
    elif harm == "odd sidecar":
        sidecar.write_text("[]")
    else:
        np.save(data, np.zeros((5, 3, 4, 4), dtype=np.uint8))
    rebuilt = open_store(samples, SIZE, cache)
    assert rebuilt.fingerprint == store.fingerprint
    np.testing.assert_array_equal(rebuilt.images, expected)


def test_each_size_and_each_list_has_its_own_store(samples, cache):
    assert open_store(samples, SIZE, cache).images.shape[2:] == SIZE
    assert open_store(samples, (8, 8), cache).images.shape[2:] == (8, 8)
    assert len(open_store(samples[:2], SIZE, cache).images) == 2
    assert len(list(cache.glob("*.npy"))) == 3
    assert open_store(samples, SIZE, cache).fingerprint == open_store(samples, (8, 8), cache).fingerprint


def test_no_frames(cache):
    store = open_store([], SIZE, cache)
    assert store.images.shape == (0, 3, *SIZE)
    assert not cache.exists()


def test_fingerprint_names_the_content_wherever_it_lies(samples, cache, tmp_path):
    fingerprint = open_store(samples, SIZE, cache).fingerprint
    shutil.copytree(tmp_path / "set", tmp_path / "elsewhere" / "copy")
    moved = [
        ImageSample(tmp_path / "elsewhere" / "copy" / sample.path.name, sample.pid, sample.camid) for sample in samples
    ]
    assert open_store(moved, SIZE, cache).fingerprint == fingerprint
    others = [
        samples[::-1],
        samples[:-1],
        [*samples[:-1], ImageSample(samples[-1].path, 99, 1)],
        [*samples[:-1], ImageSample(samples[-1].path, samples[-1].pid, 2)],
        [*samples[:-1], ImageSample(samples[-1].path.rename(tmp_path / "set" / "renamed.jpg"), samples[-1].pid, 1)],
    ]
    fingerprints = [fingerprint] + [open_store(other, SIZE, cache).fingerprint for other in others[-1:]]
    (tmp_path / "set" / "renamed.jpg").rename(samples[-1].path)
    fingerprints += [open_store(other, SIZE, cache).fingerprint for other in others[:-1]]
    assert len(set(fingerprints)) == 6


def test_dataset_fingerprint_depends_on_every_split_and_their_order(samples, cache):
    one, two = open_store(samples[:2], SIZE, cache), open_store(samples[2:], SIZE, cache)
    assert len({dataset_fingerprint(one, two), dataset_fingerprint(two, one), dataset_fingerprint(one)}) == 3
    assert dataset_fingerprint(one, two) == dataset_fingerprint(one, two)


def truncated(path: Path) -> None:
    contents = paint(path, size=(64, 128)).read_bytes()
    path.write_bytes(contents[: len(contents) // 2])


@pytest.mark.parametrize(
    "spoil",
    [
        truncated,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_text("not a picture"),
        lambda path: path.write_bytes(paint(path).read_bytes()[:30]),
        lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
        lambda path: Image.fromarray(np.zeros((4, 4), dtype=np.float32)).save(path, format="TIFF"),
        lambda path: Image.new("RGB", (4, 4)).save(path, format="PCX"),
        lambda path: path.unlink(),
    ],
    ids=["truncated", "empty", "text", "header", "program", "floating point", "unlisted format", "missing"],
)
def test_a_broken_image_is_named_and_leaves_nothing_behind(samples, cache, spoil):
    spoil(samples[3].path)
    with pytest.raises(BenchError, match=samples[3].path.name) as raised:
        open_store(samples, SIZE, cache)
    assert "\n" not in str(raised.value)
    assert not cache.exists() or not list(cache.iterdir())


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


def test_full_disk_is_said_before_anything_is_written(samples, cache, monkeypatch):
    monkeypatch.setattr(images_module.shutil, "disk_usage", lambda path: SimpleNamespace(free=1))
    with pytest.raises(BenchError, match=r"only 0\.0 MB are free"):
        open_store(samples, SIZE, cache)
    assert not list(cache.iterdir())


def test_a_cache_that_cannot_be_written(samples, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BenchError, match="name another cache"):
        open_store(samples, SIZE, tmp_path / "file")
    with pytest.raises(BenchError, match="input size"):
        open_store(samples, (0, 8), tmp_path / "cache")


def test_two_builders_at_once_and_what_a_killed_one_left(samples, cache):
    cache.mkdir()
    abandoned, running = cache / ".k-s.npy.aaaaaaaa.npy", cache / ".k-s.npy.bbbbbbbb.npy"
    abandoned.touch()
    running.touch()
    at_work = running.open()
    fcntl.flock(at_work, fcntl.LOCK_EX)
    stores, barrier = [], threading.Barrier(4)

    def build():
        barrier.wait()
        stores.append(open_store(samples, SIZE, cache))

    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stores) == 4
    assert len({store.fingerprint for store in stores}) == 1
    for store in stores:
        np.testing.assert_array_equal(store.images, [pixels_of(sample.path) for sample in samples])
    assert sorted(path.suffix for path in cache.iterdir()) == [".json", ".npy", ".npy"]
    assert running.exists()
    at_work.close()
    assert json.loads(next(cache.glob("*.json")).read_text())["fingerprint"] == stores[0].fingerprint


def test_interruption_leaves_nothing_half_built(samples, cache):
    class Interrupted(Listener):
        def advance(self, amount=1, *, status=""):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_store(samples, SIZE, cache, Interrupted())
    assert not list(cache.iterdir())


def test_the_data_room_is_entered_without_torch():
    modules = ", ".join(f"bench.data.{name}" for name in ("market1501", "manifest", "images", "sampling", "split"))
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_flipped_byte_in_the_pixels_or_beside_them_is_built_anew(tmp_path):
    from bench.data import images as module

    path = tmp_path / "a.png"
    Image.fromarray(np.arange(12 * 8 * 3, dtype=np.uint8).reshape(12, 8, 3)).save(path)
    samples = (ImageSample(path, 1, 1),)
    whole = open_store(samples, (12, 8), tmp_path / "cache").images.copy()
    for suffix in ("npy", "json"):
        (file,) = (tmp_path / "cache").glob(f"*.{suffix}")
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        module._DIGESTS.clear()
        np.testing.assert_array_equal(open_store(samples, (12, 8), tmp_path / "cache").images, whole)
