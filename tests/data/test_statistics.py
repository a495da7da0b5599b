"""Numbers of a hand-made set."""

import pytest
from PIL import Image

from bench.data.dataset import ImageSample, ReidDataset
from bench.data.image_size import image_size, image_sizes
from bench.data.statistics import Spread, dataset_statistics


@pytest.fixture
def dataset(tmp_path) -> ReidDataset:
    def samples(split, labels, size):
        made = []
        for number, (pid, camid) in enumerate(labels):
            path = tmp_path / f"{split}{number}.png"
            Image.new("RGB", size if number else (20, 50)).save(path)
            made.append(ImageSample(path, pid, camid))
        return tuple(made)

    return ReidDataset(
        "tiny",
        tmp_path,
        train=samples("train", [(1, 1), (1, 1), (1, 2), (2, 3)], (32, 64)),
        query=samples("query", [(5, 1), (6, 1)], (32, 64)),
        gallery=samples("gallery", [(-1, 1), (0, 1), (0, 3), (5, 2), (5, 3), (6, 1)], (16, 64)),
    )


def test_numbers_of_each_split(dataset):
    sizes = image_sizes(sample.path for sample in (*dataset.train, *dataset.query, *dataset.gallery))
    training, query, gallery, test = dataset_statistics(dataset, sizes)
    assert (training.images, training.identities, training.cameras) == (4, 2, 3)
    assert training.images_per_identity == Spread(1, 2, 3)
    assert training.images_per_camera == {1: 2, 2: 1, 3: 1}
    assert training.identities_per_cameras == {1: 1, 2: 1}
    assert (training.heights, training.widths, training.usual_size) == (
        Spread(50, 64, 64),
        Spread(20, 32, 32),
        (64, 32),
    )
    assert (query.distractors, query.junk, query.unreadable) == (0, 0, 0)
    assert (gallery.images, gallery.identities, gallery.distractors, gallery.junk) == (6, 2, 2, 1)
    assert (gallery.images_per_identity, gallery.usual_size) == (Spread(1, 1.5, 2), (64, 16))
    assert (test.name, test.images, test.identities) == ("test", 8, 2)
    assert test.identities_per_cameras == {1: 1, 3: 1}


def test_an_image_in_query_and_gallery_is_one_test_image(dataset):
    shared = ReidDataset("tiny", dataset.root, dataset.train, dataset.query, (*dataset.gallery, dataset.query[0]))
    sizes = dict.fromkeys((sample.path for sample in (*shared.train, *shared.query, *shared.gallery)), (2, 1))
    assert dataset_statistics(shared, sizes)[-1].images == 8


def test_sizes_that_cannot_be_read_are_counted(dataset):
    dataset.train[0].path.write_text("no picture")
    dataset.query[0].path.write_bytes(b"")
    dataset.query[1].path.unlink()
    sizes = image_sizes(sample.path for sample in (*dataset.train, *dataset.query, *dataset.gallery))
    training, query, _, test = dataset_statistics(dataset, sizes)
    assert (training.unreadable, training.heights) == (1, Spread(64, 64, 64))
    assert (query.unreadable, query.heights, query.usual_size) == (2, None, None)
    assert test.unreadable == 2


def test_size_of_an_image_that_lies_on_its_side(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 10)).save(tmp_path / "lying.jpg", exif=exif)
    assert image_size(tmp_path / "lying.jpg") == (30, 10)
    Image.new("RGB", (30, 10)).save(tmp_path / "plain.jpg")
    assert image_size(tmp_path / "plain.jpg") == (10, 30)
