"""The store of decoded images: what it holds, when it is built again, and what it refuses."""

import fcntl
import json
import os
import shutil
import threading
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from painted import SIZE, paint, pixels_of
from PIL import Image

from bench.data import images as images_module
from bench.data.dataset import ImageSample
from bench.data.images import dataset_fingerprint, open_store
from bench.errors import BenchError


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


def test_dataset_fingerprint_tells_whether_cameras_ask_or_answer(samples, cache):
    """Thresholds are set otherwise then: what was kept before that was so is of another set."""
    one, two = open_store(samples[:2], SIZE, cache), open_store(samples[2:], SIZE, cache)
    same, other = (
        [replace(one, samples=tuple(replace(sample, camid=camid) for sample in one.samples)) for camid in camids]
        for camids in ((1, 1), (1, 2))
    )
    # Cameras are in the stores' own fingerprints, which stand still here.
    assert dataset_fingerprint(two, *same) != dataset_fingerprint(two, *other)
    assert dataset_fingerprint(two, *other) == dataset_fingerprint(two, *reversed(other))


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
