"""A kept gallery: what is written comes back, damage is seen, and images come and go without others changing."""

from dataclasses import replace

import numpy as np
import pytest
from changed_bytes import written_over
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.inference.gallery import Gallery, GalleryExit, changing, load_gallery, save_gallery

EXITS = (GalleryExit("first", 12, "binary"), GalleryExit("last", 3, "continuous"))


def invented(images, seed=0, prefix="image", features=False):
    rng = np.random.default_rng(seed)
    return Gallery(
        run="a" * 64,
        network="b" * 64,
        exits=EXITS,
        codes=(
            rng.integers(0, 256, (images, 2), dtype=np.uint8),
            rng.standard_normal((images, 3)).astype(np.float32),
        ),
        pids=rng.integers(-1, 5, images),
        camids=rng.integers(0, 3, images),
        names=tuple(f"{prefix}{number}.jpg" for number in range(images)),
        features=rng.standard_normal((images, 4)).astype(np.float16) if features else None,
    )


def assert_equal(one, other):
    assert (one.run, one.network, one.exits, one.names) == (other.run, other.network, other.exits, other.names)
    for mine, theirs in zip((*one.codes, one.pids, one.camids), (*other.codes, other.pids, other.camids), strict=True):
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)
    assert (one.features is None) == (other.features is None)
    if one.features is not None:
        np.testing.assert_array_equal(one.features, other.features, strict=True)


@pytest.mark.parametrize("features", [False, True])
@pytest.mark.parametrize("images", [0, 1, 7])
def test_what_is_saved_is_loaded(tmp_path, images, features):
    names = tuple(f"ä\n\udcff{number}" for number in range(images))
    gallery = replace(invented(images, features=features), names=names)
    save_gallery(gallery, tmp_path / "kept")
    assert_equal(load_gallery(tmp_path / "kept"), gallery)


def test_every_changed_byte_is_seen(tmp_path):
    path = tmp_path / "kept"
    save_gallery(invented(2), path)
    whole = path.read_bytes()
    for index, byte in enumerate(whole):
        with written_over(path, index, byte ^ 1), pytest.raises(BenchError, match=str(path)):
            load_gallery(path)
    assert path.read_bytes() == whole
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(BenchError, match=str(path)):
            load_gallery(path)
    with pytest.raises(BenchError, match=f"{tmp_path / 'absent'}: cannot be read"):
        load_gallery(tmp_path / "absent")


@given(st.integers(0, 6), st.integers(0, 6), st.sets(st.integers(0, 11)), st.sets(st.integers(-1, 4)))
def test_adding_and_removing_is_adding_and_removing_rows(first, second, numbers, pids):
    one, other = invented(first, features=True), invented(second, seed=1, prefix="other", features=True)
    both = one.append(other)
    pids &= set(both.pids.tolist())
    names = [name for number, name in enumerate(both.names) if number in numbers]
    left = both.remove(names, pids)
    kept = [row for row in range(len(both)) if row not in numbers and both.pids[row] not in pids]
    assert left.names == tuple((*one.names, *other.names)[row] for row in kept)
    for index in range(len(EXITS)):
        np.testing.assert_array_equal(left.codes[index], np.concatenate([one.codes[index], other.codes[index]])[kept])
    np.testing.assert_array_equal(left.features, np.concatenate([one.features, other.features])[kept])
    np.testing.assert_array_equal(left.pids, np.concatenate([one.pids, other.pids])[kept])
    np.testing.assert_array_equal(left.camids, np.concatenate([one.camids, other.camids])[kept])
    # What was removed may be added again.
    if left.names != both.names:
        assert len(left.append(both.remove(left.names))) == len(both)


def test_what_does_not_belong_is_refused():
    gallery = invented(3)
    other = invented(2, prefix="other")
    with pytest.raises(BenchError, match="codes of two networks"):
        gallery.append(replace(other, network="c" * 64))
    with pytest.raises(BenchError, match="the gallery have features of the first exit and the new images have none"):
        invented(3, features=True).append(other)
    with pytest.raises(BenchError, match="features must be float16, a row for each of 3 images"):
        replace(gallery, features=np.zeros((2, 4), dtype=np.float16))
    renamed = replace(other, exits=(GalleryExit("other", 12, "binary"), EXITS[1]))
    with pytest.raises(BenchError, match="the same exits"):
        gallery.append(renamed)
    with pytest.raises(BenchError, match=r"in the gallery already: image0\.jpg, image1\.jpg"):
        gallery.append(invented(2))
    with pytest.raises(BenchError, match=r"not in the gallery: absent.jpg, identity 99; nothing was removed"):
        gallery.remove(["absent.jpg"], [99])
    with pytest.raises(BenchError, match="codes of exit first must be uint8"):
        replace(gallery, codes=(gallery.codes[0][:, :1], gallery.codes[1]))
    with pytest.raises(BenchError, match=r"there twice: image0\.jpg"):
        replace(gallery, names=("image0.jpg", "image0.jpg", "image2.jpg"))


def test_bytes_of_an_image_and_what_an_exit_is_searched_by():
    gallery = invented(5)
    assert gallery.image_bytes == 2 + 3 * 4
    assert invented(5, features=True).image_bytes == 2 + 3 * 4 + 4 * 2
    found = gallery.indexes[0].search(gallery.codes[0][:2], k=1)
    assert found.distances.tolist() == [[0.0], [0.0]]


def test_two_processes_do_not_change_one_file(tmp_path):
    path = tmp_path / "kept"
    save_gallery(invented(2), path)
    with changing(path), pytest.raises(BenchError, match="another process is changing"), changing(path):
        pass
    with changing(path):
        save_gallery(invented(3), path)
