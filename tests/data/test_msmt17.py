import shutil
from pathlib import Path

import pytest

from bench import registry
from bench.data.dataset import DatasetRequest
from bench.data.msmt17 import MSMT17
from bench.errors import BenchError
from bench.running.run import run

LISTS = {
    "train": ["0000/0000_000_01_0303morning_0008_0.jpg 0", "0001/0001_003_15_0113noon_0044_2.jpg 1"],
    "val": ["0000/0000_007_02_0303morning_0010_0.jpg 0"],
    "query": ["0000/0000_000_03_0303morning_0000_0.jpg 0", "0001/0001_000_11_0302afternoon_0112_0.jpg 1"],
    "gallery": [
        "0000/0000_001_04_0303morning_0000_1.jpg 0",
        "0001/0001_002_12_0302afternoon_0112_0.jpg 1",
        "0002/0002_000_12_0302afternoon_0112_0.jpg 2",
    ],
}
FOLDERS = {"V1": ("train", "test"), "V2": ("mask_train_v2", "mask_test_v2")}


def write(root: Path, version="V1", **changed: list[str]) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for split, lines in (LISTS | changed).items():
        (root / f"list_{split}.txt").write_text("".join(f"{line}\n" for line in lines))
        for line in lines:
            path = root / FOLDERS[version][split in ("query", "gallery")] / line.split()[0]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return root


def read(root: Path, **options: str):
    return MSMT17.open(DatasetRequest(root, options))


def test_splits_cameras_and_people_kept_apart(tmp_path):
    dataset = read(write(tmp_path))
    assert (dataset.name, dataset.root, dataset.rendered) == ("msmt17", tmp_path, False)
    assert [(sample.pid, sample.camid) for sample in dataset.train] == [(1, 1), (1, 2), (2, 15)]
    assert [(sample.pid, sample.camid) for sample in dataset.query] == [(10_001, 3), (10_002, 11)]
    assert [(sample.pid, sample.camid) for sample in dataset.gallery] == [(10_001, 4), (10_002, 12), (10_003, 12)]
    assert all(sample.path.is_file() for sample in (*dataset.train, *dataset.query, *dataset.gallery))


@pytest.mark.parametrize("version", ["V1", "V2"])
@pytest.mark.parametrize("val", ["true", "false"])
def test_the_name_holds_the_options_that_make_the_set(tmp_path, version, val):
    for other in FOLDERS:
        write(tmp_path / f"MSMT17_{other}", other)
    dataset = read(tmp_path, version=version, val=val)
    assert MSMT17.options_of(dataset.name) == {"version": version, "val": val}


def test_val_list_is_trained_on_unless_it_is_left_out(tmp_path):
    root = write(tmp_path)
    assert read(root, val="true") == read(root)
    without = read(root, val="false")
    assert (without.name, len(without.train)) == ("msmt17-without-val", 2)
    assert (without.query, without.gallery) == (read(root).query, read(root).gallery)
    (root / "list_val.txt").unlink()
    assert read(root, val="false") == without
    with pytest.raises(BenchError, match=r"list_val\.txt: no such file.*val=false"):
        read(root)


@pytest.mark.parametrize("below", ["", "MSMT17_V2", "msmt17/MSMT17_V2", "MSMT17"])
def test_version_two_below_the_usual_names(tmp_path, below):
    root = write(tmp_path / below, "V2")
    dataset = read(tmp_path)
    assert (dataset.name, dataset.root, dataset.details["version"]) == ("msmt17-v2", root, "V2")


def test_both_versions_want_a_choice(tmp_path):
    first, second = write(tmp_path / "MSMT17_V1"), write(tmp_path / "MSMT17_V2", "V2")
    with pytest.raises(BenchError, match=r"found both versions, .*MSMT17_V1 and .*MSMT17_V2; choose one"):
        read(tmp_path)
    assert read(tmp_path, version="V1").root == first
    assert read(tmp_path, version="V2").root == second
    with pytest.raises(BenchError, match="unknown value of the dataset's option version 'V3'"):
        read(tmp_path, version="V3")


def test_the_set_wins_over_folders_of_the_same_names(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "test").mkdir()
    root = write(tmp_path / "msmt17")
    assert read(tmp_path).root == root


@pytest.mark.parametrize("split", ["train", "query", "gallery"])
def test_a_missing_list_is_named(tmp_path, split):
    write(tmp_path)
    (tmp_path / f"list_{split}.txt").unlink()
    with pytest.raises(BenchError, match=rf"list_{split}\.txt: no such file; .* which many copies lack"):
        read(tmp_path)


def test_an_image_that_is_listed_but_missing(tmp_path):
    write(tmp_path)
    (tmp_path / "test" / LISTS["gallery"][1].split()[0]).unlink()
    with pytest.raises(BenchError, match=r"0001_002_12_.*: no such file, though .*list_gallery\.txt names it"):
        read(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "0000/0000_000_01_0303morning_0008_0.jpg",
        "0000/0000_c1_0303morning.jpg 0",
        "0000/0000_000_01_0303morning_0008_0.jpg x",
        "../outside/0000_000_01_0303morning_0008_0.jpg 0",
        "0000/0000_000_01_0303morning_0008_0.txt 0",
    ],
)
def test_a_line_that_does_not_fit_is_named(tmp_path, line):
    root = write(tmp_path / "set")
    (root / "list_query.txt").write_text(f"{LISTS['query'][0]}\n\n{line}\n")
    with pytest.raises(BenchError, match=r"list_query\.txt, line 3: expected an image"):
        read(root)


def test_empty_lists_and_folders(tmp_path):
    with pytest.raises(BenchError, match=r"expected the folders train and test \(V1\) or .* found an empty folder"):
        read(tmp_path)
    with pytest.raises(BenchError, match=r"list_gallery\.txt: expected lines such as .* found none"):
        read(write(tmp_path / "set", gallery=[]))
    with pytest.raises(BenchError, match="no such folder"):
        read(tmp_path / "absent")


def test_an_image_of_both_training_lists(tmp_path):
    root = write(tmp_path, val=LISTS["train"][:1])
    with pytest.raises(BenchError, match=r"list_val\.txt, line 1: .* was named before"):
        read(root)


def test_official_counts():
    assert MSMT17.official({})["training images"] == 32_621
    assert MSMT17.official({"val": "false"})["training images"] == 30_248
    assert MSMT17.official({})["gallery images"] == 82_161


@pytest.mark.long
def test_a_whole_run_on_this_layout(tmp_path, cache, smoke_request):
    rendered = registry.dataset("synthped").open(DatasetRequest(cache, {"size": "smoke"}))
    first_test_pid = min(sample.pid for sample in rendered.query)
    lines: dict[str, list[str]] = {}
    for split, first in (("train", 1), ("query", first_test_pid), ("gallery", first_test_pid)):
        people = [sample for sample in getattr(rendered, split) if sample.pid > 0]
        for index, sample in enumerate(people):
            number = sample.pid - first
            name = f"{number:04}/{number:04}_{index:03}_{sample.camid:02}_0303{split}_0000_0.jpg"
            path = tmp_path / "data" / ("train" if split == "train" else "test") / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(sample.path, path)
            lines.setdefault("val" if split == "train" and index % 9 == 0 else split, []).append(f"{name} {number}")
    for split, names in lines.items():
        (tmp_path / "data" / f"list_{split}.txt").write_text("\n".join(names))
    result = run(smoke_request(dataset="msmt17", data=DatasetRequest(tmp_path / "data")))
    header = result.header["dataset"]
    assert (header["name"], header["rendered"]) == ("msmt17", False)
    assert header["counts"]["query images"] == len(lines["query"])
    assert header["counts"]["gallery images"] == len(lines["gallery"])
    assert all(0 < record["mAP"] <= 1 for record in result.records if record["kind"] == "exit")
