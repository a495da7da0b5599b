"""Sets in Market-1501's layout that have names, folders or images of their own."""

from pathlib import Path

import pytest

from bench.data.cuhk03 import CUHK03
from bench.data.dataset import DatasetRequest
from bench.data.dukemtmc import DUKEMTMC
from bench.data.market1501 import MARKET1501
from bench.errors import BenchError

MARKET = {
    "bounding_box_train": ["0002_c1s1_000451_03.jpg"],
    "query": ["0001_c1s1_001051_00.jpg"],
    "bounding_box_test": ["0001_c2s1_000301_00.jpg", "-1_c3s1_000401_00.jpg"],
}
CUHK = {
    "bounding_box_train": ["0001_c1_1.png", "0001_c2_6.png"],
    "query": ["0003_c1_21.png"],
    "bounding_box_test": ["0003_c2_26.png", "0004_c1_1.png"],
}
DUKE = {
    "bounding_box_train": ["0001_c2_f0046182.jpg", "0001_c8_f0046302.jpg"],
    "query": ["0005_c2_f0046985.jpg"],
    "bounding_box_test": ["0005_c5_f0051341.jpg", "7139_c8_f0139999.jpg"],
}


def write(root: Path, names: dict[str, list[str]]) -> Path:
    for split, images in names.items():
        (root / split).mkdir(parents=True)
        for name in images:
            (root / split / name).touch()
    return root


def labels(samples) -> list[tuple[int, int]]:
    return [(sample.pid, sample.camid) for sample in samples]


@pytest.mark.parametrize("folder", ["images", "../images", "distractors_500k", "distractors_500k/images"])
def test_distractors_join_the_gallery_when_asked_for(tmp_path, folder):
    root = write(tmp_path / "Market-1501-v15.09.15", MARKET)
    split_folder = root / folder
    split_folder.mkdir(parents=True)
    for name in ("0000_c1s1_000001_00.jpg", "0000_c6s1_000001_00.jpg", "0000_c1s1_000002_00.jpg"):
        (split_folder / name).touch()
    plain = MARKET1501.open(DatasetRequest(root))
    assert (plain.name, len(plain.gallery)) == ("market1501", 2)
    dataset = MARKET1501.open(DatasetRequest(tmp_path, {"distractors": "true"}))
    assert (dataset.name, dataset.train, dataset.query) == ("market1501-500k", plain.train, plain.query)
    assert labels(dataset.gallery) == [(-1, 3), (0, 1), (0, 1), (0, 6), (1, 2)]


def test_distractors_that_are_missing_or_are_somebody(tmp_path):
    root = write(tmp_path, MARKET)
    request = DatasetRequest(root, {"distractors": "true"})
    with pytest.raises(BenchError, match=r"expected the folder images .*distractors_500k\.zip"):
        MARKET1501.open(request)
    (root / "images").mkdir()
    with pytest.raises(BenchError, match=r"images: expected images such as .* found none"):
        MARKET1501.open(request)
    (root / "images" / "0007_c1s1_000001_00.jpg").touch()
    with pytest.raises(BenchError, match=r"expected distractors alone, .* found identity 7"):
        MARKET1501.open(request)
    with pytest.raises(BenchError, match="option distractors 'yes'"):
        MARKET1501.open(DatasetRequest(root, {"distractors": "yes"}))


@pytest.mark.parametrize("below", ["", "CUHK03-NP", "cuhk03-np", "cuhk03/CUHK03-NP", "cuhk03"])
def test_cuhk03_has_two_kinds_of_boxes(tmp_path, below):
    detected = write(tmp_path / below / "detected", CUHK)
    labelled = write(tmp_path / below / "labeled", CUHK | {"bounding_box_test": ["0003_c2_26.png"]})
    by_default = CUHK03.open(DatasetRequest(tmp_path))
    assert (by_default.name, by_default.root) == ("cuhk03-detected", detected)
    assert labels(by_default.train) == [(1, 1), (1, 2)]
    assert labels(by_default.gallery) == [(3, 2), (4, 1)]
    other = CUHK03.open(DatasetRequest(tmp_path, {"images": "labelled"}))
    assert (other.name, other.root, len(other.gallery)) == ("cuhk03-labelled", labelled, 1)


def test_cuhk03_is_not_taken_for_the_other_kind(tmp_path):
    root = write(tmp_path / "CUHK03-NP" / "labelled", CUHK)
    assert CUHK03.open(DatasetRequest(root, {"images": "labelled"})).root == root
    for start in (root, tmp_path):
        with pytest.raises(BenchError, match="expected the folder detected with"):
            CUHK03.open(DatasetRequest(start))
    with pytest.raises(BenchError, match="did you mean 'labelled'"):
        CUHK03.open(DatasetRequest(root, {"images": "labeled"}))


@pytest.mark.parametrize("below", ["", "DukeMTMC-reID", "dukemtmc-reid/DukeMTMC-reID", "DukeMTMC"])
def test_duke_is_read_and_said_to_be_withdrawn(tmp_path, below):
    root = write(tmp_path / below, DUKE)
    dataset = DUKEMTMC.open(DatasetRequest(tmp_path))
    assert (dataset.name, dataset.root) == ("dukemtmc", root)
    assert labels(dataset.train) == [(1, 2), (1, 8)]
    assert labels(dataset.query) == [(5, 2)]
    assert labels(dataset.gallery) == [(5, 5), (7139, 8)]
    assert "withdrawn" in DUKEMTMC.summary


def test_duke_has_names_of_its_own(tmp_path):
    root = write(tmp_path, DUKE)
    (root / "query" / "0001_c1s1_001051_00.jpg").touch()
    with pytest.raises(BenchError, match=r"0001_c1s1_001051_00\.jpg: .* such as 0001_c2_f0046182\.jpg"):
        DUKEMTMC.open(DatasetRequest(root))


@pytest.mark.parametrize(("reader", "names"), [(DUKEMTMC, DUKE), (MARKET1501, MARKET)])
def test_overlap_and_empty_folders(tmp_path, reader, names):
    root = write(tmp_path / "set", names)
    query = next((root / "query").iterdir())
    query.rename(query.with_name(names["bounding_box_train"][0]))
    with pytest.raises(BenchError, match="training and test identities must be different people"):
        reader.open(DatasetRequest(root))
    (tmp_path / "empty").mkdir()
    with pytest.raises(BenchError, match="found an empty folder"):
        reader.open(DatasetRequest(tmp_path / "empty"))


def test_official_counts_follow_the_options():
    assert MARKET1501.official({})["gallery images"] == 19_732
    assert MARKET1501.official({"distractors": "true"})["gallery images"] == 519_732
    assert CUHK03.official({})["training images"] == 7_365
    assert CUHK03.official({"images": "labelled"})["gallery images"] == 5_328
    assert DUKEMTMC.official({})["cameras"] == 8


def test_names_of_sets_hold_the_options_that_make_them():
    assert MARKET1501.options_of("market1501-500k") == {"distractors": "true"}
    assert MARKET1501.options_of("market1501") == {}
    assert CUHK03.options_of("cuhk03-labelled") == {"images": "labelled"}
    assert CUHK03.options_of("cuhk03-detected") == {"images": "detected"}
