from pathlib import Path

import pytest

from bench.data.dataset import DatasetRequest
from bench.data.manifest import MANIFEST
from bench.errors import BenchError

ROWS = [
    "images/b.jpg,4,0,train",
    "images/a.jpg,4,1,train",
    "images/q.jpg,9,0,query",
    "images/g.jpg,9,1,gallery",
    "images/d.jpg,0,1,gallery",
    "images/j.jpg,-1,1,gallery",
]


def write(folder: Path, rows=ROWS, header="path,pid,camid,split", encoding="utf-8") -> Path:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for name in "abqgdj":
        (folder / "images" / f"{name}.jpg").touch()
    listing = folder / "manifest.csv"
    listing.write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
    return listing


def read(root: Path):
    return MANIFEST.open(DatasetRequest(root))


def test_reads_a_folder_or_the_file_itself(tmp_path):
    listing = write(tmp_path / "station")
    dataset = read(listing.parent)
    assert dataset == read(listing)
    assert (dataset.name, dataset.root, dataset.rendered) == ("manifest-station", listing.parent, False)
    assert [(sample.path.name, sample.pid, sample.camid) for sample in dataset.train] == [
        ("a.jpg", 4, 1),
        ("b.jpg", 4, 0),
    ]
    assert [(sample.path.name, sample.pid) for sample in dataset.gallery] == [("d.jpg", 0), ("g.jpg", 9), ("j.jpg", -1)]
    assert dataset.query[0].path == listing.parent / "images" / "q.jpg"


def test_byte_order_mark(tmp_path):
    write(tmp_path, encoding="utf-8-sig")
    assert len(read(tmp_path).train) == 2


def test_extra_columns_blanks_and_column_order(tmp_path):
    rows = ["day," + ",".join(reversed(row.split(","))) for row in ROWS]
    rows[0] = rows[0].replace(",", " , ")
    rows.insert(2, "")
    write(tmp_path, rows, header="note,split,camid, pid,path")
    assert [len(split) for split in (read(tmp_path).train, read(tmp_path).query, read(tmp_path).gallery)] == [2, 1, 3]


def test_other_name_windows_line_ends_and_capitals(tmp_path):
    listing = write(tmp_path)
    other = tmp_path / "mine.csv"
    other.write_bytes(listing.read_bytes().replace(b"train", b"Train").replace(b"\n", b"\r\n"))
    assert read(other).train == read(listing).train


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("images/a.jpg,four,0,train", "pid must be a whole number of 1 or more, found 'four'"),
        ("images/a.jpg,1.0,0,train", "pid must be a whole number"),
        ("images/a.jpg,0,0,train", "pid must be a whole number of 1 or more, found '0'"),
        ("images/a.jpg,-1,0,query", "pid must be a whole number of 1 or more, found '-1'"),
        ("images/a.jpg,-2,0,gallery", "pid must be a whole number of -1 or more"),
        ("images/a.jpg,5,-1,train", "camid must be a whole number of 0 or more, found '-1'"),
        ("images/a.jpg,5,0,test", "split must be train, query or gallery, found 'test'"),
        ("images/a.jpg,5", "split must be train, query or gallery, found ''"),
        (",5,0,train", "written relative to it, found ''"),
        ("../outside.jpg,5,0,train", r"written relative to it, found '\.\./outside\.jpg'"),
        ("images/../../outside.jpg,5,0,train", "written relative to it"),
        ("/etc/hostname,5,0,train", "written relative to it"),
        ("images/none.jpg,5,0,train", r"no such file: .*none\.jpg"),
        ("images,5,0,train", "no such file"),
        ("images/b.jpg,4,0,train", r"is in train already \(row 2\)"),
        ("images/./b.jpg,4,0,train", r"is in train already \(row 2\)"),
    ],
)
def test_a_bad_row_is_named_with_what_is_wrong(tmp_path, row, message):
    (tmp_path / "outside.jpg").touch()
    write(tmp_path / "set", [*ROWS[:3], "", row, *ROWS[3:]])
    with pytest.raises(BenchError, match=f"row 6 .*{message}"):
        read(tmp_path / "set")


def test_a_path_may_turn_round_inside_the_folder(tmp_path):
    write(tmp_path, ["images/../images/a.jpg,4,1,train", *ROWS[2:]])
    assert read(tmp_path).train[0].path == tmp_path / "images" / "a.jpg"


def test_files_that_are_no_manifest(tmp_path):
    with pytest.raises(BenchError, match="no such file"):
        read(tmp_path)
    listing = tmp_path / "manifest.csv"
    for content, message in [
        (b"", "found an empty file"),
        (b"path;pid;camid;split\n", "no column path: expected path,pid,camid,split, found path;pid;camid;split"),
        (b"path,pid,camera,split\n", "no column camid"),
        (b"path,pid,camid,split\n", "found none of train"),
        (b"path,pid,camid,split\n\xff\xfe,1,1,train\n", "UTF-8"),
        (b"path,pid,camid,split\n" + b"x" * 200_000, "cannot be read as CSV"),
    ]:
        listing.write_bytes(content)
        with pytest.raises(BenchError, match=message):
            read(tmp_path)


def test_the_protocol_is_checked(tmp_path):
    write(tmp_path, [*ROWS, "images/a.jpg,4,1,gallery"])
    with pytest.raises(BenchError, match="identity 4 among them"):
        read(tmp_path)
    write(tmp_path, [row.replace(",9,1,", ",9,0,") for row in ROWS])
    with pytest.raises(BenchError, match="none of the 1 queries"):
        read(tmp_path)


def test_tracklets_of_query_and_gallery(tmp_path):
    rows = [f"{row},{number}" for row, number in zip(ROWS, ("1", "", "8", "3", "4", "5"), strict=True)]
    write(tmp_path, rows, header="path,pid,camid,split,tracklet")
    dataset = read(tmp_path)
    assert [sample.tracklet for sample in dataset.train] == [None, None]
    assert [sample.tracklet for sample in dataset.query] == [8]
    assert [sample.tracklet for sample in dataset.gallery] == [4, 3, 5]
    write(tmp_path, [*rows[:-1], ROWS[-1] + ",3"], header="path,pid,camid,split,tracklet")
    with pytest.raises(BenchError, match=r"j\.jpg: tracklet 3 must show one identity in one camera"):
        read(tmp_path)
    write(tmp_path, [*rows[:-1], ROWS[-1] + ",first"], header="path,pid,camid,split,tracklet")
    with pytest.raises(BenchError, match=r"row 7 .*tracklet must be a whole number of 0 or more, found 'first'"):
        read(tmp_path)
