"""The ``bench data`` commands as a person types them."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photographs(tmp_path) -> Path:
    """Six people in two places, three images each, in folders."""
    generator = np.random.default_rng(0)
    for person in ("alice", "bob", "chloé", "dan", "eve", "femi"):
        for camera in ("hall", "door"):
            for image in range(3):
                path = tmp_path / "photos" / camera / person / f"{image}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(generator.integers(0, 256, (16, 8, 3), dtype=np.uint8)).save(path)
    return tmp_path / "photos"


@pytest.fixture
def split(bench, photographs):
    """Options that name a manifest of the photographs."""
    status, _, _ = bench("data", "split", photographs, "--pattern", "{camid}/{pid}/{}.jpg")
    assert status == 0
    return ("--data-root", photographs / "manifest.csv")


def test_a_rendered_set_is_verified_counted_and_shown(bench, tmp_path):
    sheet = tmp_path / "sheet.png"
    smoke = ("synthped", "--data", "size=smoke")
    status, out, err = bench("data", "verify", *smoke)
    assert status == 0
    for words in ("all 250 files can be decoded", "none are known for this set", "cameras per training identity"):
        assert words in out
    assert "decode images: 250/250" in err
    status, out, _ = bench("data", "stats", *smoke)
    assert status == 0
    for words in (
        "images per identity",
        "8 (11.0)",
        "64 × 32",
        "Images per camera",
        "Identities per number of cameras",
    ):
        assert words in out
    status, out, _ = bench("data", "show", *smoke, "--out", sheet, "--identities", 3, "--split", "gallery")
    assert status == 0
    assert "3 people of synthped-smoke, gallery" in out
    assert sheet.stat().st_size > 10_000


def test_size_is_short_for_an_option(bench):
    assert bench("data", "make", "synthped", "--size", "smoke") == bench(
        "data", "make", "synthped", "--data", "size=smoke"
    )
    assert bench("data", "make", "synthped", "--size", "smoke", "--data", "size=smoke")[0] == 0
    status, _, err = bench("data", "make", "synthped", "--size", "smoke", "--data", "size=demo")
    assert status == 1
    assert "contradict each other" in err
    status, _, err = bench("data", "make", "synthped", "--size", "smok")
    assert status == 1
    assert "smoke" in err


def test_photographs_become_a_dataset_that_a_run_takes(bench, photographs, tmp_path, split):
    status, out, _ = bench("data", "verify", "manifest", *split)
    assert status == 0
    options = ("--preset", "smoke", "--device", "cpu", "--results", tmp_path / "results", "--dry-run")
    status, out, _ = bench("run", "-m", "hashreid", "--dataset", "manifest", *split, *options)
    assert status == 0
    assert "manifest" in out
    status, _, err = bench("data", "split", photographs, "--pattern", "{camid}/{pid}/{}.jpg")
    assert status == 1
    assert "is there already" in err


def test_what_a_split_says(bench, photographs, tmp_path):
    (photographs / "hall" / "group photo.jpg").touch()
    out = tmp_path / "mine.csv"
    typed = ("data", "split", photographs, "--pattern", "{camid}/{pid}/{}.jpg", "--out", out, "--test-share", 0.34)
    status, text, err = bench(*typed)
    assert status == 0
    assert "left out, not fitting the pattern: 1 photographs, as hall/group photo.jpg" in err
    assert "pid was numbered; the names are in the column person" in err
    assert "camid was numbered; the names are in the column camera" in err
    assert "bench data verify manifest --data-root" in text
    lines = out.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "path,pid,camid,split,person,camera"
    assert any(line.startswith("photos/door/chloé/0.jpg,3,1,") and line.endswith(",chloé,door") for line in lines)
    assert sum(",query," in line for line in lines) == 4
    assert bench(*typed, "--overwrite")[0] == 0


def test_a_split_prints_the_cameras_that_the_pattern_found(bench, tmp_path):
    for name in ("0001_c1s1_01.jpg", "0001_c2s1_02.jpg", "0002_c1s2_03.jpg", "0002_c2s1_04.jpg", "0002_c2s2_05.jpg"):
        (tmp_path / name).touch()
    found = {}
    for pattern in ("{pid}_c{camid}s{}.jpg", "{pid}_c{camid}_{}.jpg"):
        status, out, _ = bench("data", "split", tmp_path, "--pattern", pattern, "--overwrite")
        assert status == 0
        table = out.partition("name in the file names")[2]
        found[pattern] = re.findall(r"│\s*(\w+)\s*│\s*(\d+)\s*│", table)
    assert found["{pid}_c{camid}s{}.jpg"] == [("1", "2"), ("2", "3")]
    assert found["{pid}_c{camid}_{}.jpg"] == [("1s1", "1"), ("1s2", "1"), ("2s1", "2"), ("2s2", "1")]


def test_a_split_says_that_identity_0000_is_taken_for_a_person(bench, tmp_path):
    for name in ("0000_c1", "0000_c2", "0010_c1", "0010_c2", "0011_c1", "0011_c2"):
        (tmp_path / f"{name}.jpg").touch()
    typed = ("data", "split", tmp_path, "--overwrite", "--pattern")
    status, _, err = bench(*typed, "{pid}_c{camid}.jpg")
    assert (status, "identity 0000 is taken for one person; where it marks distractors" in err) == (0, True)
    status, _, err = bench(*typed, r"(?P<pid>0*[1-9][0-9]*)_c(?P<camid>[0-9])\.jpg")
    assert (status, "is taken for one person" in err) == (0, False)
    assert "left out, not fitting the pattern: 2 photographs" in err


def test_a_split_counts_the_files_that_it_does_not_take(bench, photographs):
    typed = ("data", "split", photographs, "--pattern", "{camid}/{pid}/{}.jpg")
    assert "no suffix of a photograph" not in bench(*typed)[2]
    for name in ("1.HEIC", "2.heic", "3.avif", "README", ".hidden.jfif"):
        (photographs / name).write_bytes(b"")
    status, _, err = bench(*typed, "--overwrite")
    # The manifest of before is not counted: this one takes its place.
    assert status == 0
    assert "left out, no suffix of a photograph: 2 .heic, 1 .avif, 1 without a suffix\n" in err


def test_findings_are_listed_and_end_with_a_status(bench, split, photographs):
    text = (photographs / "manifest.csv").read_text(encoding="utf-8")
    paths = {name: [] for name in ("train", "query", "gallery")}
    for line in text.splitlines()[1:]:
        path, _, _, part, *_ = line.split(",")
        paths[part].append(photographs / path)
    for path in paths["train"][:12]:
        path.write_bytes(b"")
    paths["gallery"][0].write_bytes(paths["train"][-1].read_bytes())
    status, out, err = bench("data", "verify", "manifest", *split)
    assert status == 1
    for words in ("12 of 36 cannot be read", "… and 2 more", "copies in training and test", f"{paths['train'][0]}: "):
        assert words in out
    assert str(paths["train"][11]) not in out
    assert "2 of 16 checks came out wrong; the first is images: 12 of 36 cannot be read" in err
    assert "Traceback" not in err
    status, _, err = bench("data", "stats", "manifest", *split)
    assert status == 0
    assert "12 images have no size that can be read; bench data verify manifest lists them" in err
    for path in paths["train"][1:12]:
        path.write_bytes(paths["train"][-1].read_bytes())
    _, _, err = bench("data", "stats", "manifest", *split)
    assert "1 image has no size that can be read; bench data verify manifest lists it" in err


def test_counts_are_held_against_the_official_ones(bench, tmp_path):
    names = {
        "bounding_box_train": ("0002_c1s1_000451_03.jpg", "0002_c2s1_000451_01.jpg"),
        "query": ("0001_c1s1_001051_00.jpg",),
        "bounding_box_test": ("0001_c2s1_000301_00.jpg",),
    }
    for folder, files in names.items():
        (tmp_path / folder).mkdir()
        for number, name in enumerate(files):
            Image.new("RGB", (8, 16), (len(folder), number, 9)).save(tmp_path / folder / name)
    status, out, err = bench("data", "verify", "market1501", "--data-root", tmp_path)
    assert status == 1
    assert "19,732" in out
    assert "the first is training images: 2, its authors count 12,936" in err


@pytest.mark.parametrize("harm", ["empty", "text", "truncated"])
@pytest.mark.parametrize("command", ["show", "run"])
def test_a_damaged_image_is_named_in_one_line(bench, split, photographs, tmp_path, command, harm):
    damaged = photographs / "hall" / "alice" / "0.jpg"
    for path in photographs.rglob("*.jpg"):
        content = {"empty": b"", "text": b"no picture", "truncated": path.read_bytes()[:300]}[harm]
        if command == "show" or path == damaged:
            path.write_bytes(content)
    smoke = ("-m", "hashreid", "--preset", "smoke", "--device", "cpu", "--results", tmp_path / "results")
    typed = {
        "show": ("data", "show", "manifest", *split, "--out", tmp_path / "sheet.png"),
        "run": ("run", "--dataset", "manifest", *split, *smoke),
    }
    status, _, err = bench(*typed[command])
    assert status == 1
    (line,) = (line for line in err.splitlines() if line.startswith("error: "))
    assert f"{damaged}: " in line or (command == "show" and ".jpg: " in line)
    assert "Traceback" not in err


def test_a_name_that_is_no_utf_8_is_escaped(bench, tmp_path):
    names = ("bounding_box_train/1_c1.jpg", "query/2_c1.jpg", "bounding_box_test/2_c2_\udcff.jpg")
    for number, name in enumerate(names):
        (tmp_path / name).parent.mkdir()
        try:
            Image.new("RGB", (8, 16), (number, 0, 0)).save(tmp_path / name)
        except OSError:
            pytest.skip("this file system takes UTF-8 alone")
    (tmp_path / names[2]).write_bytes(b"")
    status, out, _ = bench("data", "verify", "market1501", "--data-root", tmp_path)
    assert status == 1
    assert "2_c2_\\udcff.jpg: expected JPEG" in out


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (("verify", "market1502"), "did you mean 'market1501'"),
        (("verify", "market1501"), "--data-root"),
        (("stats", "manifest", "--data-root", "nowhere"), "nowhere"),
        (("stats", "synthped", "--data", "colour=red"), "no option 'colour'"),
        (("show", "synthped", "--data", "size=smoke", "--out", "sheet.docx"), "sheet.docx"),
        (("split", "nowhere", "--pattern", "{pid}_{camid}.jpg"), "no such folder"),
        (("split", ".", "--pattern", "{pid}.jpg"), "does not say where the camid stands"),
    ],
)
def test_mistakes_get_one_line(bench, typed, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "1.jpg").touch()
    status, _, err = bench("data", *typed)
    assert status == 1
    assert message in err
    assert "Traceback" not in err
