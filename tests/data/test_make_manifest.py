"""From file names to a split."""

from collections import Counter
from pathlib import Path

import pytest

from bench.data.dataset import DatasetRequest
from bench.data.make_manifest import Manifest, find_photographs, make_manifest, write_manifest
from bench.data.manifest import MANIFEST
from bench.data.name_pattern import name_pattern
from bench.errors import BenchError

TEMPLATE = name_pattern("{pid}_c{camid}_{}.jpg")


def names(people: int = 6, cameras: int = 3, images: int = 4) -> list[str]:
    return [
        f"{pid:03}_c{camid}_{image}.jpg"
        for pid in range(1, people + 1)
        for camid in range(1, cameras + 1)
        for image in range(images)
    ]


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("{pid}_c{camid}_{}.jpg", "0002_c1s1_000451_03.jpg", ("0002", "1s1")),
        ("{pid}_c{camid}s{}.jpg", "0002_c1s1_000451_03.jpg", ("0002", "1")),
        ("{pid}_c{camid}_{}.jpg", "below/alice_chall_1.JPG", ("alice", "hall")),
        ("{pid}_c{camid}_{}.jpg", "alice_1.jpg", None),
        ("{pid}_c{camid}_{}.jpg", "_c1_1.jpg", None),
        ("{pid}.{camid}.{}", "anna.1.png", ("anna", "1")),
        ("{camid}/{pid}/{}.png", "hall/李/1.png", ("李", "hall")),
        ("{camid}/{pid}/{}.png", "deeper/hall/alice/1.png", None),
        ("{}/{pid}/{pid}_{camid}.png", "x/alice/alice_2.png", ("alice", "2")),
        ("{}/{pid}/{pid}_{camid}.png", "x/alice/bob_2.png", None),
        (r"(?P<pid>\d{4})_c(?P<camid>\d).*\.jpg", "a/0002_c1s1_000451_03.jpg", ("0002", "1")),
        (r"(?P<camid>[a-z]+)/(?P<pid>\d+)\.png", "hall/12.png", ("12", "hall")),
        (r"(?P<pid>\d*)_(?P<camid>\d+).*", "_12.png", None),
    ],
)
def test_patterns(pattern, path, expected):
    assert name_pattern(pattern).read(path) == expected


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{pid}.jpg", "does not say where the camid stands"),
        ("*.jpg", "does not say where the pid stands"),
        ("{pid}_{camera}.jpg", r"unknown placeholder \{camera\}"),
        (r"(?P<pid>\d+_(?P<camid>\d)", "no regular expression"),
        (r"(?P<pid>\d+)_(\d)", "where the camid stands"),
    ],
)
def test_patterns_that_make_no_sense(pattern, message):
    with pytest.raises(BenchError, match=message):
        name_pattern(pattern)


def test_a_split_that_the_protocol_can_score():
    manifest = make_manifest(names(), TEMPLATE)
    by_split = {
        split: [row for row in manifest.rows if row["split"] == split] for split in ("train", "query", "gallery")
    }
    assert len(manifest.rows) == 72
    assert not manifest.unmatched
    assert list(manifest.rows[0]) == ["path", "pid", "camid", "split"]
    assert {row["pid"] for row in by_split["train"]} == set(range(1, 7)) - {row["pid"] for row in by_split["query"]}
    assert {row["pid"] for row in by_split["gallery"]} == {row["pid"] for row in by_split["query"]}
    assert Counter((row["pid"], row["camid"]) for row in by_split["query"]).most_common(1)[0][1] == 1
    assert [manifest.count(split) for split in ("train", "query", "gallery")] == [36, 9, 27]
    assert manifest.count("train", "pid") == 3


def test_share_queries_seed_and_order():
    assert make_manifest(names(), TEMPLATE, test_share=0.9).count("query", "pid") == 5
    assert make_manifest(names(), TEMPLATE, test_share=0.99).count("train", "pid") == 1
    assert make_manifest(names(), TEMPLATE, test_share=0.01).count("query", "pid") == 1
    assert make_manifest(names(), TEMPLATE, queries_per_camera=2).count("query") == 18
    assert make_manifest(names(), TEMPLATE, queries_per_camera=99).count("gallery") == 9
    assert make_manifest(names(), TEMPLATE) == make_manifest(names()[::-1], TEMPLATE)
    assert make_manifest(names(), TEMPLATE, seed=1) != make_manifest(names(), TEMPLATE)


def matched(manifest: Manifest) -> bool:
    """Whether every query has a match in another camera."""
    gallery = {(row["pid"], row["camid"]) for row in manifest.rows if row["split"] == "gallery"}
    queries = [row for row in manifest.rows if row["split"] == "query"]
    return all(any(pid == row["pid"] and camid != row["camid"] for pid, camid in gallery) for row in queries)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("images", [(1, 1), (1, 2), (1, 1, 1), (3, 1, 1), (2, 2), (5, 1), (1, 1, 4, 2)])
@pytest.mark.parametrize("most", [1, 3])
def test_every_query_has_a_match_however_few_images_there_are(images, most, seed):
    paths = [
        f"{pid}_c{camid}_{image}.jpg" for pid in (1, 2) for camid, count in enumerate(images) for image in range(count)
    ]
    manifest = make_manifest(paths, TEMPLATE, queries_per_camera=most, seed=seed)
    assert manifest.count("query") >= len(images) - 1
    assert matched(manifest)


def test_people_of_one_camera_are_trained_on():
    paths = [f"{pid}_c1_1.jpg" for pid in range(1, 9)] + [f"{pid}_c2_1.jpg" for pid in (1, 2)]
    for seed in range(4):
        manifest = make_manifest(paths, TEMPLATE, test_share=0.9, seed=seed)
        assert {row["pid"] for row in manifest.rows if row["split"] != "train"} == {1, 2}


def test_names_are_numbered_and_kept_beside():
    paths = [f"{pid}_c{camid}_1.jpg" for pid in ("alice", "bob", "7") for camid in ("hall", "door")]
    manifest = make_manifest(paths, TEMPLATE)
    assert {(row["person"], row["pid"]) for row in manifest.rows} == {("7", 1), ("alice", 2), ("bob", 3)}
    assert {(row["camera"], row["camid"]) for row in manifest.rows} == {("door", 1), ("hall", 2)}


@pytest.mark.parametrize("people", [("0", "1", "2"), ("01", "1", "2"), ("1", "2", "9" * 30)])
def test_numbers_that_are_no_identities_are_names(people):
    manifest = make_manifest([f"{pid}_c{camid}_1.jpg" for pid in people for camid in (0, 1)], TEMPLATE)
    assert {(row["person"], row["pid"]) for row in manifest.rows} == set(zip(sorted(people), (1, 2, 3), strict=True))
    assert {row["camid"] for row in manifest.rows} == {0, 1}
    assert "camera" not in manifest.rows[0]


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["a.jpg", "b.jpg", "c.jpg", "d.jpg"], r"none of 4 photographs .*such as a\.jpg, b\.jpg, c\.jpg$"),
        (["1_c1_1.jpg", "1_c2_1.jpg"], "two identities or more, found 1 alone"),
        (["1_c1_1.jpg", "2_c1_1.jpg"], "all photographs are of camera '1'"),
        (["1_c1_1.jpg", "2_c2_1.jpg"], "none of the 2 identities was seen by two cameras"),
        ([*names(), "-1_c1_1.jpg"], "-1_c1_1.jpg: identity -1 marks junk"),
        ([*names(), "1_c1_\udcff.jpg"], "rename the file"),
        ([*names(), " 1_c1_1.jpg"], "rename the file"),
        ([*names(), "1_c1_\n1.jpg"], "none|rename the file"),
    ],
)
def test_what_cannot_be_split(paths, message):
    with pytest.raises(BenchError, match=message):
        make_manifest(paths, TEMPLATE)


@pytest.mark.parametrize(
    "options", [{"test_share": 0}, {"test_share": 1}, {"test_share": float("nan")}, {"queries_per_camera": 0}]
)
def test_options_out_of_range(options):
    with pytest.raises(BenchError, match="found"):
        make_manifest(names(), TEMPLATE, **options)


def photographs(folder: Path, paths) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    return folder


def test_photographs_are_found_below_a_folder(tmp_path):
    wanted = ["a/b/1.JPG", "a/2.png", "ü.Tiff", "0.webp"]
    photographs(tmp_path, [*wanted, "notes.txt", ".hidden.jpg", ".git/1.jpg", "a/manifest.csv"])
    assert find_photographs(tmp_path) == sorted(wanted)
    for folder, message in [(tmp_path / "none", "no such folder"), (tmp_path / "0.webp", "a file, not a folder")]:
        with pytest.raises(BenchError, match=message):
            find_photographs(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BenchError, match="found none"):
        find_photographs(tmp_path / "empty")
    photographs(tmp_path, ["phone/1.heic", "phone/2.HEIC"])
    with pytest.raises(BenchError, match=r"found none, but 2 \.heic$"):
        find_photographs(tmp_path / "phone")


def test_linked_folders_are_read_once(tmp_path):
    """A link inside names what is there already, one outside brings photographs, and one back up does not loop."""
    photographs(tmp_path / "photos", ["b/1.jpg"])
    photographs(tmp_path / "elsewhere", ["2.jpg", "deep/3.jpg"])
    for link, target in (("a", "b"), ("c", "../elsewhere"), ("b/up", "..")):
        (tmp_path / "photos" / link).symlink_to(target, target_is_directory=True)
    assert find_photographs(tmp_path / "photos") == ["b/1.jpg", "c/2.jpg", "c/deep/3.jpg"]


def test_a_folder_that_may_not_be_listed(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(BenchError, match=rf"{tmp_path}: the folder cannot be read \(Permission denied\)"):
        find_photographs(tmp_path)


@pytest.mark.parametrize("out", ["photos/manifest.csv", "mine.csv", "photos/../mine.csv"])
def test_what_is_written_is_read_again(tmp_path, out):
    paths = [
        f"{camera}/{person}, jr/{image}.png" for camera in "ab" for person in ("Zoë", '"李"', "c") for image in "12"
    ]
    folder = photographs(tmp_path / "photos", paths)
    manifest = make_manifest(find_photographs(folder), name_pattern("{camid}/{pid}/{}.png"))
    write_manifest(manifest, folder, tmp_path / out)
    dataset = MANIFEST.open(DatasetRequest(tmp_path / out))
    assert [len(part) for part in (dataset.train, dataset.query, dataset.gallery)] == [4, 4, 4]
    assert not list(tmp_path.rglob(".*"))


def test_nothing_is_overwritten_unasked_nor_written_where_it_cannot_be_read(tmp_path):
    folder = photographs(tmp_path / "photos", names())
    out = folder / "manifest.csv"
    out.write_text("precious")
    manifest = make_manifest(find_photographs(folder), TEMPLATE)
    with pytest.raises(BenchError, match="is there already"):
        write_manifest(manifest, folder, out)
    assert out.read_text() == "precious"
    write_manifest(manifest, folder, out, overwrite=True)
    assert out.read_text().startswith("path,pid,camid,split\n001_c1_0.jpg,1,1,")
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(BenchError, match="is not below"):
        write_manifest(manifest, folder, tmp_path / "elsewhere" / "manifest.csv")
    (tmp_path / "as_folder").mkdir()
    with pytest.raises(BenchError, match="cannot be written"):
        write_manifest(manifest, folder, tmp_path / "as_folder", overwrite=True)
