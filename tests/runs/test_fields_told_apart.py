import pytest

from bench.errors import BenchError
from bench.runs.comparable import check_side
from bench.runs.fields import FieldDifference, file_labels, told_apart
from bench.runs.finding import KeptRun
from bench.runs.folder import RunFolder
from bench.spec import digest


@pytest.mark.parametrize(
    ("paths", "labels"),
    [
        (["/kept/best.pt", "/kept/last.pt"], ["best.pt", "last.pt"]),
        (["/kept/a/best.pt", "/kept/b/best.pt"], ["a/best.pt", "b/best.pt"]),
        (["/a/x/best.pt", "/b/x/best.pt", "other.pt"], ["a/x/best.pt", "b/x/best.pt", "other.pt"]),
        (["best.pt", "/a/best.pt"], ["best.pt", "a/best.pt"]),
        (["/a/best.pt", "/a/best.pt"], ["best.pt", "best.pt"]),
        ([], []),
    ],
)
def test_files_are_named_by_what_tells_them_apart(paths, labels):
    assert file_labels(paths) == labels


def test_hashes_are_cut_and_other_values_are_not():
    first, second = digest("first"), digest("second")
    assert told_apart(FieldDifference("content", first, second)) == (f"{first[:12]}…", f"{second[:12]}…")
    assert told_apart(FieldDifference("weights_digest", "", second)) == ("", f"{second[:12]}…")
    assert told_apart(FieldDifference("weights", "none", "/a/best.pt")) == ("none", "best.pt")
    assert told_apart(FieldDifference("weights", None, "/a/best.pt")) == (None, "/a/best.pt")
    assert told_apart(FieldDifference("epochs", 30, 60)) == (30, 60)


def test_two_files_of_embeddings_under_one_name_are_no_seeds_of_one_side(tmp_path):
    about = {"dataset": "mine", "fingerprint": "ab" * 32, "method": "theirs", "preset": "file", "seed": 0}
    sides = [
        KeptRun(RunFolder(tmp_path / name), "", {**about, "content": digest(name)}, None, ()) for name in ("one", "two")
    ]
    with pytest.raises(BenchError) as refused:
        check_side(sides)
    assert f"differ in content {digest('one')[:12]}… and {digest('two')[:12]}…; say more" in str(refused.value)


def test_files_of_embeddings_of_several_seeds_are_one_side(tmp_path):
    about = {"dataset": "mine", "fingerprint": "ab" * 32, "method": "theirs", "preset": "file"}
    check_side(
        [
            KeptRun(RunFolder(tmp_path / str(seed)), "", {**about, "seed": seed, "content": digest(seed)}, None, ())
            for seed in (0, 1, 2)
        ]
    )
