from pathlib import Path

import pytest

from bench.data.dataset import DatasetRequest, ImageSample
from bench.data.market1501 import MARKET1501, read_market1501_folder
from bench.errors import BenchError

TRAIN = ["0002_c1s1_000451_03.jpg", "0002_c2s1_000451_01.jpg", "0007_c3s3_077419_03.jpg"]
QUERY = ["0001_c1s1_001051_00.jpg", "0003_c5s1_000001_00.jpg"]
GALLERY = ["0001_c2s1_000301_00.jpg", "-1_c3s1_000401_00.jpg", "0000_c4s1_000151_01.jpg", "0003_c6s1_000001_00.jpg"]


def write(root: Path, train=TRAIN, query=QUERY, gallery=GALLERY) -> Path:
    for split, names in (("bounding_box_train", train), ("query", query), ("bounding_box_test", gallery)):
        (root / split).mkdir(parents=True)
        for name in names:
            (root / split / name).parent.mkdir(parents=True, exist_ok=True)
            (root / split / name).touch()
    return root


def labels(samples: tuple[ImageSample, ...]) -> list[tuple[str, int, int]]:
    return [(sample.path.name, sample.pid, sample.camid) for sample in samples]


def test_splits_labels_and_order(tmp_path):
    root = write(tmp_path, train=[*TRAIN, "-1_c1s1_000001_00.jpg", "0000_c1s1_000001_00.jpg"])
    dataset = read_market1501_folder(root, "tiny", rendered=True, details={"seed": 3})
    assert labels(dataset.train) == [(TRAIN[0], 2, 1), (TRAIN[1], 2, 2), (TRAIN[2], 7, 3)]
    assert labels(dataset.query) == [(QUERY[0], 1, 1), (QUERY[1], 3, 5)]
    assert labels(dataset.gallery) == [(GALLERY[1], -1, 3), (GALLERY[2], 0, 4), (GALLERY[0], 1, 2), (GALLERY[3], 3, 6)]
    assert (dataset.name, dataset.root, dataset.rendered, dataset.details) == ("tiny", root, True, {"seed": 3})
    assert all(sample.path.is_file() for sample in (*dataset.train, *dataset.query, *dataset.gallery))


def test_cameras_of_two_digits_other_formats_and_what_file_managers_leave(tmp_path):
    root = write(tmp_path, train=["0002_c12_f1.PNG", "0005_c1.JpEg", "Thumbs.db", "._0002_c1.jpg", ".DS_Store"])
    dataset = read_market1501_folder(root, "tiny")
    assert labels(dataset.train) == [("0002_c12_f1.PNG", 2, 12), ("0005_c1.JpEg", 5, 1)]


@pytest.mark.parametrize(
    "below", ["", "Market-1501-v15.09.15", "Market-1501", "MARKET1501", "market1501/Market-1501-v15.09.15"]
)
def test_found_below_the_usual_names(tmp_path, below):
    root = write(tmp_path / below)
    assert read_market1501_folder(tmp_path, "tiny").root == root


def test_whole_set_wins_over_an_incomplete_one(tmp_path):
    (tmp_path / "Market-1501-v15.09.15" / "query").mkdir(parents=True)
    root = write(tmp_path / "market1501")
    assert read_market1501_folder(tmp_path, "tiny").root == root


def test_reader_is_silent_on_disk_and_needs_a_root(tmp_path):
    root = write(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert MARKET1501.open(DatasetRequest(root)).name == "market1501"
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(BenchError, match="--data-root"):
        MARKET1501.open(DatasetRequest())


def test_missing_folder_and_file_in_its_place(tmp_path):
    with pytest.raises(BenchError, match="absent: no such folder"):
        read_market1501_folder(tmp_path / "absent", "tiny")
    (tmp_path / "set.zip").touch()
    with pytest.raises(BenchError, match=r"set\.zip: a file, not a folder"):
        read_market1501_folder(tmp_path / "set.zip", "tiny")


def test_missing_split_names_it_and_what_is_there(tmp_path):
    write(tmp_path)
    (tmp_path / "query").rename(tmp_path / "queries")
    with pytest.raises(BenchError, match=r"expected the folder query, found bounding_box_test/, .*queries/"):
        read_market1501_folder(tmp_path, "tiny")


def test_empty_folders(tmp_path):
    with pytest.raises(BenchError, match="bounding_box_train and query and bounding_box_test, found an empty folder"):
        read_market1501_folder(tmp_path, "tiny")
    write(tmp_path, query=["Thumbs.db"])
    with pytest.raises(BenchError, match=r"query: expected images .* found none"):
        read_market1501_folder(tmp_path, "tiny")


@pytest.mark.parametrize("name", ["person1.jpg", "c1_0002.jpg", "-2_c1.jpg", "0002_c1.txt", "0002_cam1.jpg"])
def test_a_name_that_does_not_fit_is_named(tmp_path, name):
    root = write(tmp_path, gallery=[*GALLERY, name])
    with pytest.raises(BenchError, match=name):
        read_market1501_folder(root, "tiny")


def test_images_a_folder_too_deep_are_not_left_out(tmp_path):
    root = write(tmp_path, gallery=[GALLERY[0], "more/readme.txt", f"more/{GALLERY[3]}/thumb.png"])
    read_market1501_folder(root, "tiny")
    (root / "bounding_box_test" / "more" / GALLERY[2]).touch()
    message = rf"more/{GALLERY[2]}: one folder too deep, .* move the images up into {root / 'bounding_box_test'}, or"
    with pytest.raises(BenchError, match=message):
        read_market1501_folder(root, "tiny")


@pytest.mark.parametrize("name", ["0000_c1s1_000001_00.jpg", "-1_c1s1_000001_00.jpg"])
def test_a_query_shows_somebody(tmp_path, name):
    root = write(tmp_path, query=[*QUERY, name])
    with pytest.raises(BenchError, match=f"{name}: a query must show a real identity"):
        read_market1501_folder(root, "tiny")


def test_training_without_identities(tmp_path):
    root = write(tmp_path, train=["0000_c1s1_000001_00.jpg"])
    with pytest.raises(BenchError, match="no identity to train on"):
        read_market1501_folder(root, "tiny")


def test_identity_on_both_sides_is_named(tmp_path):
    root = write(tmp_path, gallery=[*GALLERY, "0007_c1s1_000001_00.jpg"])
    with pytest.raises(BenchError, match="identity 7 among them"):
        read_market1501_folder(root, "tiny")


def test_cameras_that_make_every_match_junk(tmp_path):
    root = write(tmp_path, gallery=["0001_c1s1_000301_00.jpg", "0003_c5s1_000001_00.jpg", "0004_c2s1_000001_00.jpg"])
    with pytest.raises(BenchError, match=r"none of the 2 queries .* another camera"):
        read_market1501_folder(root, "tiny")


def test_a_single_query_without_match_is_left_to_the_evaluator(tmp_path):
    root = write(tmp_path, query=[*QUERY, "0009_c1s1_000001_00.jpg"])
    assert len(read_market1501_folder(root, "tiny").query) == 3
