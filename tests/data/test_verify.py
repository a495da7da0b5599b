"""Checks of a dataset on hand-made sets whose faults are known."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.data.dataset import DatasetRequest, ImageSample, ReidDataset
from bench.data.inspection import inspect_images
from bench.data.manifest import MANIFEST
from bench.data.market1501 import MARKET1501
from bench.data.verify import Finding, counts, verify
from bench.errors import BenchError

OFFICIAL = {
    "training images": 4,
    "training identities": 2,
    "query images": 2,
    "query identities": 2,
    "gallery images": 4,
    "cameras": 3,
}


def paint(path: Path, **options) -> Path:
    """Write a picture whose bytes no other name has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colours = np.frombuffer(path.name.encode().ljust(48, b"."), dtype=np.uint8)[:48].reshape(4, 4, 3)
    Image.fromarray(colours).resize((8, 16)).save(path, **options)
    return path


def sample(root: Path, split: str, pid: int, camid: int, name: str = "") -> ImageSample:
    return ImageSample(paint(root / split / (name or f"{pid}_{camid}.png")), pid, camid)


@pytest.fixture
def dataset(tmp_path) -> ReidDataset:
    return ReidDataset(
        "tiny",
        tmp_path,
        train=tuple(sample(tmp_path, "train", pid, camid) for pid in (1, 2) for camid in (1, 2)),
        query=tuple(sample(tmp_path, "query", pid, 1) for pid in (3, 4)),
        gallery=tuple(sample(tmp_path, "gallery", pid, camid) for pid, camid in ((-1, 1), (0, 1), (3, 2), (4, 3))),
    )


def check(dataset: ReidDataset, official=OFFICIAL) -> dict[str, Finding]:
    samples = (*dataset.train, *dataset.query, *dataset.gallery)
    findings = verify(dataset, official, inspect_images(sample.path for sample in samples))
    assert len({finding.check for finding in findings}) == len(findings)
    return {finding.check: finding for finding in findings}


def states(findings: dict[str, Finding], state: str) -> list[str]:
    return [finding.check for finding in findings.values() if finding.state == state]


def test_a_whole_set(dataset):
    findings = check(dataset)
    assert states(findings, "ok") == list(findings)
    assert findings["gallery images"].found == "4, as its authors count"
    assert findings["gallery identities"].found == "2"
    assert findings["images"].found == "all 10 files can be decoded"
    assert findings["cameras per test identity"].found == "2 to 2, median 2"
    assert counts(dataset) == {**OFFICIAL, "gallery identities": 2}


def test_counts_that_differ_from_the_official_ones(dataset):
    findings = check(dataset, {**OFFICIAL, "training images": 12_936, "cameras": 2})
    assert states(findings, "wrong") == ["training images", "cameras"]
    assert findings["training images"].found == "4, its authors count 12,936 (-12,932)"
    assert findings["cameras"].found == "3, its authors count 2 (+1)"
    assert states(check(dataset, {}), "remark") == ["official counts"]


def test_people_of_one_camera_and_queries_without_a_match(dataset, tmp_path):
    lonely = ReidDataset(
        "tiny",
        tmp_path,
        (*dataset.train, sample(tmp_path, "train", 9, 2)),
        (*dataset.query, sample(tmp_path, "query", 5, 2), sample(tmp_path, "query", 6, 2)),
        (*dataset.gallery, sample(tmp_path, "gallery", 5, 2)),
    )
    findings = check(lonely, {})
    assert findings["training identities of one camera"].cases == ("identity 9, camera 2",)
    assert findings["queries without a match"].cases == (
        f"{Path('query/5_2.png')}: identity 5, camera 2",
        f"{Path('query/6_2.png')}: identity 6, camera 2",
    )
    assert findings["queries without a match"].found.startswith("2 of 4")
    assert not states(findings, "wrong")


def truncate(path: Path) -> None:
    Image.effect_noise((64, 128), 60).save(path, format="JPEG")
    path.write_bytes(path.read_bytes()[:900])


@pytest.mark.parametrize(
    "harm",
    [truncate, lambda path: path.write_bytes(b""), lambda path: path.write_text("no picture"), Path.unlink],
    ids=["truncated", "empty", "text", "missing"],
)
def test_unreadable_images_are_listed_by_file(dataset, harm):
    damaged = [dataset.train[1].path, dataset.gallery[0].path]
    for path in damaged:
        harm(path)
    findings = check(dataset)
    assert states(findings, "wrong") == ["images"]  # two empty files are no copies of each other
    assert findings["images"].found == "2 of 10 cannot be read"
    for path, case in zip(damaged, findings["images"].cases, strict=True):
        assert str(path) in case
        assert "\n" not in case


def test_unusual_images_are_fine(dataset):
    first, second, third, fourth = (sample.path for sample in dataset.train)
    Image.new("L", (4, 8), 90).save(first)
    Image.new("RGBA", (4, 8), (1, 2, 3, 4)).save(second)
    Image.fromarray(np.full((8, 4), 40_000, dtype=np.uint16)).save(third)
    Image.new("RGB", (4, 8), "teal").save(fourth, format="JPEG")  # still named .png
    assert not states(check(dataset), "wrong")


def test_test_images_that_are_trained_on(dataset):
    shutil.copy(dataset.train[0].path, dataset.gallery[1].path)
    shutil.copy(dataset.train[0].path, dataset.query[0].path)
    findings = check(dataset)
    assert states(findings, "wrong") == ["copies in training and test", "copies of a query, ranked"]
    assert findings["copies in training and test"].cases[0] == (
        f"{Path('train/1_1.png')} (identity 1, camera 1) = {Path('query/3_1.png')} (identity 3, camera 1)"
    )
    assert findings["copies in training and test"].found == "2 test images"


@pytest.mark.parametrize(
    ("pid", "camid", "state"),
    [(3, 2, "wrong"), (4, 1, "wrong"), (0, 1, "wrong"), (3, 1, "remark"), (-1, 2, "remark")],
    ids=["another camera", "another identity", "a distractor", "its own label", "junk"],
)
def test_copies_of_a_query_in_the_gallery(dataset, tmp_path, pid, camid, state):
    copy = ImageSample(tmp_path / "gallery" / "copy.png", pid, camid)
    shutil.copy(dataset.query[0].path, copy.path)
    changed = ReidDataset("tiny", tmp_path, dataset.train, dataset.query, (*dataset.gallery, copy))
    findings = check(changed, {**OFFICIAL, "gallery images": 5})
    (found,) = (finding for finding in findings.values() if finding.state != "ok")
    assert found.state == state
    assert found.cases == (
        f"{Path('query/3_1.png')} (identity 3, camera 1) = {Path('gallery/copy.png')} (identity {pid}, camera {camid})",
    )


def test_a_file_that_is_in_query_and_gallery_under_one_label_is_no_copy(dataset, tmp_path):
    listed = ReidDataset("tiny", tmp_path, dataset.train, dataset.query, (*dataset.gallery, dataset.query[0]))
    findings = check(listed, {**OFFICIAL, "gallery images": 5})
    assert states(findings, "ok") == list(findings)
    assert findings["images"].found == "all 10 files can be decoded"


def test_names_that_are_not_ascii_and_capital_endings_are_read(tmp_path):
    names = {"Zoë/été_1.JPG": (1, 1, "train"), "Zoë/été_2.JPEG": (1, 2, "train")}
    names |= {"李/門.Png": (2, 1, "query"), "李/庭 2.PNG": (2, 2, "gallery")}
    for name in names:
        paint(tmp_path / name)
    rows = [f"{name},{pid},{camid},{split}" for name, (pid, camid, split) in names.items()]
    (tmp_path / "manifest.csv").write_text("\n".join(["path,pid,camid,split", *rows]), encoding="utf-8")
    dataset = MANIFEST.open(DatasetRequest(tmp_path))
    assert not states(check(dataset, {}), "wrong")


@pytest.mark.parametrize("reader", [MARKET1501, MANIFEST])
def test_a_folder_that_may_not_be_read(tmp_path, reader, monkeypatch):
    def refuse(path, *arguments, **options):
        raise PermissionError(13, "Permission denied", str(path))

    for split in ("bounding_box_train", "query", "bounding_box_test"):
        (tmp_path / split).mkdir()
    (tmp_path / "manifest.csv").write_text("path,pid,camid,split\n")
    # The tests may run as root, whom no permissions stop.
    monkeypatch.setattr(Path, "iterdir", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(BenchError, match=rf"{tmp_path}.*cannot be read \(Permission denied\)"):
        reader.open(DatasetRequest(tmp_path))
