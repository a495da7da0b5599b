import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from bench import registry
from bench.data.dataset import DatasetRequest, ImageSample
from bench.data.mars import MARS
from bench.data.tracklets import entries
from bench.data.verify import counts
from bench.errors import BenchError
from bench.running.run import run

Track = tuple[int, int, Sequence[Path | None]]
"""Identity, camera, and the image files to copy; None makes an empty one."""
TRAIN: list[Track] = [(1, 1, [None] * 3), (1, 2, [None]), (3, 2, [None] * 2)]
TEST: list[Track] = [
    (-1, 1, [None]),
    (0, 3, [None] * 2),
    (2, 1, [None] * 5),
    (2, 1, [None]),
    (2, 4, [None] * 2),
    (4, 6, [None]),
]
QUERY = [3, 5]


def write(root: Path, train: list[Track] = TRAIN, test: list[Track] = TEST, query: Sequence[int] = QUERY) -> Path:
    (root / "info").mkdir(parents=True)
    for split, tracks in (("train", train), ("test", test)):
        names, rows = [], []
        for number, (pid, camid, images) in enumerate(tracks):
            person = "00-1" if pid < 0 else f"{pid:04}"
            for index, image in enumerate(images):
                name = f"{person}C{camid}T{number:04}F{index + 1:03}.jpg"
                path = root / f"bbox_{split}" / person / name
                path.parent.mkdir(parents=True, exist_ok=True)
                if image is None:
                    path.touch()
                else:
                    shutil.copyfile(image, path)
                names.append(name)
            rows.append([len(names) - len(images) + 1, len(names), pid, camid])
        (root / "info" / f"{split}_name.txt").write_text("\r\n".join(names))
        savemat(root / "info" / f"tracks_{split}_info.mat", {f"track_{split}_info": np.array(rows)})
    savemat(root / "info" / "query_IDX.mat", {"query_IDX": np.array([query], dtype=np.uint16)})
    return root


def read(root: Path, **options: str):
    return MARS.open(DatasetRequest(root, options))


def tracklets(frames: Sequence[ImageSample]) -> list[tuple[int, int, int | None]]:
    return [(frame.pid, frame.camid, frame.tracklet) for frame in entries(frames)]


@pytest.mark.parametrize("below", ["", "MARS", "mars", "mars/MARS-v160809"])
def test_splits_and_tracklets(tmp_path, below):
    root = write(tmp_path / below)
    dataset = read(tmp_path)
    assert (dataset.name, dataset.root) == ("mars", root)
    assert [(frame.pid, frame.camid, frame.tracklet) for frame in dataset.train] == [
        *[(1, 1, None)] * 3,
        (1, 2, None),
        *[(3, 2, None)] * 2,
    ]
    assert tracklets(dataset.query) == [(2, 1, 3), (2, 4, 5)]
    # By file name: 00-1 comes before 0000.
    assert tracklets(dataset.gallery) == [(-1, 1, 1), (0, 3, 2), (2, 1, 3), (2, 1, 4), (2, 4, 5), (4, 6, 6)]
    assert (len(dataset.query), len(dataset.gallery)) == (7, 12)
    assert all(frame.path.is_file() for frame in (*dataset.train, *dataset.query, *dataset.gallery))


def test_the_gallery_without_those_who_ask(tmp_path):
    dataset = read(write(tmp_path, query=[3]), gallery="rest")
    assert dataset.name == "mars-rest"
    assert {number for _, _, number in tracklets(dataset.gallery)} == {1, 2, 4, 5, 6}


def test_a_few_frames_of_each_tracklet(tmp_path):
    dataset = read(write(tmp_path), frames="2")
    assert dataset.name == "mars-frames2"
    of_five = [frame.path.name[-8:-4] for frame in dataset.query if frame.tracklet == 3]
    assert of_five == ["F002", "F004"]
    assert [len([f for f in dataset.gallery if f.tracklet == n]) for n in range(1, 7)] == [1, 2, 2, 1, 2, 1]
    assert len(dataset.train) == 5
    for wrong in ("0", "few", "-1"):
        with pytest.raises(BenchError, match="frames=all or a whole number"):
            read(tmp_path, frames=wrong)


@pytest.mark.parametrize(
    "name", ["train_name.txt", "test_name.txt", "tracks_train_info.mat", "tracks_test_info.mat", "query_IDX.mat"]
)
def test_a_missing_info_file_is_named(tmp_path, name):
    root = write(tmp_path)
    (root / "info" / name).unlink()
    with pytest.raises(BenchError, match=rf"{name}: no such file; .*MARS-evaluation"):
        read(root)


def test_missing_folders(tmp_path):
    with pytest.raises(BenchError, match=r"expected the folder bbox_train and bbox_test and info, found an empty"):
        read(tmp_path)
    root = write(tmp_path / "MARS")
    shutil.rmtree(root / "info")
    with pytest.raises(BenchError, match=r"expected the folder info, found .*; the folder info is part of"):
        read(tmp_path)


def test_a_missing_image_is_named(tmp_path):
    root = write(tmp_path)
    (root / "bbox_test" / "0002" / "0002C1T0002F003.jpg").unlink()
    with pytest.raises(BenchError, match=r"0002C1T0002F003\.jpg: no such file, though .*test_name\.txt names it"):
        read(root)


def test_lists_of_another_release(tmp_path):
    names = write(tmp_path) / "info" / "test_name.txt"
    lines = names.read_text().split()
    names.write_text("\n".join(lines[:-1]))
    with pytest.raises(BenchError, match=r"tracklet 6: images 12 to 12 are not in .* which names 11"):
        read(tmp_path)
    for changed in (["0009C1T0000F001.jpg", *lines[1:]], ["0001.jpg", *lines[1:]]):
        names.write_text("\n".join(changed))
        with pytest.raises(BenchError, match=rf"tracklet 1: expected images of identity -1 .* found {changed[0]}"):
            read(tmp_path)


def test_info_that_is_not_what_it_should_be(tmp_path):
    table = write(tmp_path) / "info" / "tracks_test_info.mat"
    savemat(tmp_path / "fields.mat", {"track_test_info": {"first": "a"}})
    for data in (b"", b"not a matrix", (tmp_path / "fields.mat").read_bytes()):
        table.write_bytes(data)
        with pytest.raises(BenchError, match=r"tracks_test_info\.mat: expected a \.mat file with the variable"):
            read(tmp_path)
    savemat(table, {"track_test_info": np.ones((2, 3))})
    with pytest.raises(BenchError, match="expected rows of first image, last image, identity, camera"):
        read(tmp_path)


@pytest.mark.parametrize(("query", "message"), [([7], "query 7 is not one of the 6"), ([2], "tracklet 2 shows 0")])
def test_queries_that_cannot_ask(tmp_path, query, message):
    with pytest.raises(BenchError, match=message):
        read(write(tmp_path, query=query))


def test_a_person_on_both_sides(tmp_path):
    with pytest.raises(BenchError, match="training and test identities must be different people"):
        read(write(tmp_path, train=[*TRAIN, (4, 1, [None])]))


def test_official_counts(tmp_path):
    assert MARS.official({})["training images"] == 509_914
    assert "training images" not in MARS.official({"frames": "15"})
    # torchreid counts 9,330 gallery tracklets, without the 870 of junk.
    assert (MARS.official({})["gallery tracklets"], MARS.official({"gallery": "rest"})["gallery tracklets"]) == (
        12_180,
        9_330 + 870,
    )
    found = counts(read(write(tmp_path)))
    assert (found["query tracklets"], found["gallery tracklets"]) == (2, 6)
    assert MARS.official({}).keys() <= found.keys()


@pytest.mark.parametrize("options", [{}, {"gallery": "rest"}, {"frames": "2"}, {"gallery": "rest", "frames": "2"}])
def test_the_name_holds_the_options_that_make_the_set(tmp_path, options):
    assert MARS.options_of(read(write(tmp_path, query=[3]), **options).name) == options


def tracks_of(frames: Sequence[ImageSample]) -> list[Track]:
    """Everything that a person does in one camera as one tracklet."""
    grouped: dict[tuple[int, int], list[Path]] = {}
    for frame in frames:
        grouped.setdefault((frame.pid, frame.camid), []).append(frame.path)
    return [(pid, camid, images) for (pid, camid), images in sorted(grouped.items())]


@pytest.mark.long
def test_a_whole_run_ranks_tracklets(tmp_path, cache, smoke_request):
    rendered = registry.dataset("synthped").open(DatasetRequest(cache, {"size": "smoke"}))
    test = tracks_of([*rendered.query, *rendered.gallery])
    asking = [number for number, (pid, _, _) in enumerate(test, start=1) if pid > 0]
    root = write(tmp_path / "mars", tracks_of(rendered.train), test, asking)
    result = run(smoke_request(method="dare", dataset="mars", data=DatasetRequest(root)))
    told = result.header["dataset"]["counts"]
    assert (told["query tracklets"], told["gallery tracklets"]) == (len(asking), len(test))
    assert told["gallery images"] == len(rendered.query) + len(rendered.gallery)
    with np.load(next(result.folder.path.glob("embeddings*.npz"))) as stored:
        assert stored["query.0"].shape[0] == len(asking)
        assert stored["gallery.0"].shape[0] == len(test)
        # With the whole gallery, every query is there too, pooled in the same way.
        np.testing.assert_array_equal(stored["query.0"], stored["gallery.0"][np.array(asking) - 1])
    assert all(0 < record["mAP"] <= 1 for record in result.records if record["kind"] == "exit")
