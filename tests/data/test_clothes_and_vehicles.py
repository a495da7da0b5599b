"""Occluded-Duke, LTCC, PRCC and VeRi-776, each in its published layout at small size."""

from pathlib import Path

import pytest

from bench import registry
from bench.data.dataset import DatasetRequest
from bench.data.verify import counts
from bench.errors import BenchError

LTCC = {
    "train": ["000_1_c9_015833.png", "000_2_c10_015834.png"],
    "query": ["094_1_c9_000001.png"],
    "test": ["094_1_c3_000002.png", "094_2_c9_000003.png", "120_1_c12_000004.png"],
}
VERI = {
    "image_train": ["0001_c001_00016450_0.jpg", "0003_c020_00016450_1.jpg"],
    "image_query": ["0002_c002_00030600_0.jpg"],
    "image_test": ["0002_c003_00084280_0.jpg", "0005_c002_00084280_0.jpg"],
}
DUKE = {
    "bounding_box_train": ["0001_c2_f0046182.jpg"],
    "query": ["0005_c2_f0046985.jpg"],
    "bounding_box_test": ["0005_c5_f0051341.jpg", "7139_c8_f0139999.jpg"],
}
PRCC = {
    "train/001": ["A_cropped_rgb001.jpg", "C_cropped_rgb021.jpg"],
    "val/001": ["B_cropped_rgb007.jpg"],
    "test/A/003": ["cropped_rgb001.jpg", "cropped_rgb002.jpg"],
    "test/A/004": ["cropped_rgb001.jpg"],
    "test/B/003": ["cropped_rgb001.jpg"],
    "test/C/003": ["cropped_rgb001.jpg"],
    "test/C/004": ["cropped_rgb009.jpg"],
}


def write(root: Path, names: dict[str, list[str]]) -> Path:
    for folder, images in names.items():
        (root / folder).mkdir(parents=True)
        for name in images:
            (root / folder / name).touch()
    return root


def labels(samples) -> list[tuple[int, int]]:
    return [(sample.pid, sample.camid) for sample in samples]


def read(name, root, **options):
    return registry.dataset(name).open(DatasetRequest(root, options))


@pytest.mark.parametrize("below", ["", "LTCC_ReID", "ltcc"])
def test_ltcc_counts_identities_from_0(tmp_path, below):
    root = write(tmp_path / below, LTCC)
    dataset = read("ltcc", tmp_path)
    assert (dataset.name, dataset.root) == ("ltcc", root)
    assert labels(dataset.train) == [(1, 9), (1, 10)]
    assert labels(dataset.query) == [(95, 9)]
    assert labels(dataset.gallery) == [(95, 3), (95, 9), (121, 12)]


def test_ltcc_in_its_cloth_changing_setting_numbers_clothes(tmp_path):
    root = write(tmp_path, {**LTCC, "test": [*LTCC["test"], "094_2_c4_000005.png"]})
    standard, changing = read("ltcc", root), read("ltcc", root, setting="cloth-changing")
    assert changing.name == "ltcc-cloth-changing"
    assert registry.dataset("ltcc").options_of(changing.name) == {"setting": "cloth-changing"}
    assert [sample.clothes for sample in changing.query] == [1]
    assert [sample.clothes for sample in changing.train] == [1, 2]
    assert [(sample.camid, sample.clothes) for sample in changing.gallery] == [(3, 1), (4, 2), (9, 2), (12, 1)]
    assert labels(standard.gallery) == labels(changing.gallery)
    assert {sample.clothes for sample in standard.gallery} == {None}
    # Camera 3 has the same clothes, camera 9 is the query's own: without the image of camera 4 nothing is left.
    (root / "test" / "094_2_c4_000005.png").unlink()
    with pytest.raises(BenchError, match="another camera and in other clothes"):
        read("ltcc", root, setting="cloth-changing")


@pytest.mark.parametrize("below", ["", "VeRi", "veri-776/VeRi"])
def test_vehicles_are_read_as_people_are(tmp_path, below):
    write(tmp_path / below, VERI)
    dataset = read("veri-776", tmp_path)
    assert labels(dataset.train) == [(1, 1), (3, 20)]
    assert labels(dataset.query) == [(2, 2)]
    assert labels(dataset.gallery) == [(2, 3), (5, 2)]


@pytest.mark.parametrize("below", ["", "Occluded_Duke", "occluded-duke"])
def test_occluded_duke_has_the_names_of_duke(tmp_path, below):
    write(tmp_path / below, DUKE)
    dataset = read("occluded-duke", tmp_path)
    assert (dataset.name, labels(dataset.query)) == ("occluded-duke", [(5, 2)])
    assert labels(dataset.gallery) == [(5, 5), (7139, 8)]
    assert "withdrawn" in registry.dataset("occluded-duke").summary


@pytest.mark.parametrize("below", ["", "prcc/rgb", "PRCC", "rgb"])
def test_queries_of_prcc_wear_other_clothes_or_the_same(tmp_path, below):
    root = write(tmp_path / below, PRCC)
    changed = read("prcc", tmp_path)
    assert (changed.name, changed.root) == ("prcc", root)
    assert labels(changed.train) == [(1, 1), (1, 3)]
    assert labels(changed.query) == [(3, 3), (4, 3)]
    assert labels(changed.gallery) == [(3, 1), (3, 1), (4, 1)]
    same = read("prcc", tmp_path, clothes="same", val="true")
    assert (same.name, same.gallery) == ("prcc-same-clothes-with-val", changed.gallery)
    assert labels(same.query) == [(3, 2)]
    assert labels(same.train) == [(1, 1), (1, 3), (1, 2)]


def test_prcc_draws_an_image_of_each_person_ten_times(tmp_path):
    write(tmp_path, {**PRCC, "test/A/003": [f"cropped_rgb{number:03}.jpg" for number in range(6)]})
    drawn = read("prcc", tmp_path, gallery="single-shot")
    assert drawn.name == "prcc-single-shot"
    assert drawn == read("prcc", tmp_path, gallery="single-shot")
    assert {one.path for one in drawn.gallery} < {one.path for one in read("prcc", tmp_path).gallery}
    for number in range(10):
        assert [one.pid for one in drawn.gallery if number in one.draws] == [3, 4]
    assert len({one.path for one in drawn.gallery if one.pid == 3}) > 1
    name = "prcc-same-clothes-single-shot-with-val"
    options = registry.dataset("prcc").options_of(name)
    assert options == {"clothes": "same", "gallery": "single-shot", "val": "true"}
    assert read("prcc", tmp_path, **options).name == name


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("train/001/cropped_rgb001.jpg", "begins with the camera, such as A_cropped_rgb001"),
        ("test/A/003/readme.txt", "expected an image, such as cropped_rgb001"),
        ("test/C/person/x.jpg", "named by identity, such as 001"),
        ("train/003/A_cropped_rgb001.jpg", "must be different people"),
    ],
)
def test_prcc_that_is_not_as_published(tmp_path, added, said):
    file = write(tmp_path, PRCC) / added
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    with pytest.raises(BenchError, match=said):
        read("prcc", tmp_path)


def test_prcc_that_is_not_whole(tmp_path):
    whole = write(tmp_path / "whole", {name: images for name, images in PRCC.items() if "/B/" not in name})
    with pytest.raises(BenchError, match=r"B: expected a folder of identities such as 001, found none"):
        read("prcc", whole, clothes="same")
    with pytest.raises(BenchError, match="did you mean 'changed'"):
        read("prcc", whole, clothes="change")
    with pytest.raises(BenchError, match="expected the folder test"):
        read("prcc", write(tmp_path / "half", {"train/001": PRCC["train/001"]}))


@pytest.mark.parametrize("name", ["occluded-duke", "ltcc", "prcc", "veri-776"])
def test_official_counts_are_those_that_verify_compares(tmp_path, name):
    write(tmp_path, {"occluded-duke": DUKE, "ltcc": LTCC, "prcc": PRCC, "veri-776": VERI}[name])
    official = registry.dataset(name).official({})
    assert official.keys() <= counts(read(name, tmp_path)).keys()
    assert registry.dataset("prcc").official({"clothes": "same"})["query images"] == 3_543
