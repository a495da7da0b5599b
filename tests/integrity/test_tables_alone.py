"""Tables that are kept: those alone have their form checked, those beside a measurement their values."""

import lzma
import re
import shutil
from pathlib import Path

import pytest

from bench.integrity.checks import Verification
from bench.integrity.tables import verify_tables

WHOLE = b'method,note\ndare,"a, b"\nranet,\xc3\xbc\n'
DAMAGED = {
    b"": "empty",
    WHOLE[:-1]: "does not end",
    WHOLE[:26]: "row 2 has 1 cells",
    WHOLE[: len(WHOLE) // 2] + bytes(len(WHOLE) - len(WHOLE) // 2): "no table",
    WHOLE.replace(b"\xc3", b"\xff"): "no table",
    WHOLE.replace(b'b"', b"b"): "no table",
}


def found(folder):
    verification = Verification()
    verify_tables(folder, verification)
    return verification


@pytest.mark.parametrize("within", [False, True])
def test_a_folder_of_tables_is_checked_and_says_so(bench, tmp_path, within):
    tables = tmp_path / "tables"
    tables.mkdir()
    (tables / "one.csv").write_bytes(WHOLE)
    (tables / "two.csv.xz").write_bytes(lzma.compress(WHOLE))
    status, out, err = bench("verify", tables if within else tmp_path, "--cache", tmp_path / "cache")
    assert (status, "error" in err) == (0, False)
    told = " ".join(out.replace("│", " ").split())
    assert "2 files, as tables/" in told
    assert "tables carry no digest" in told
    assert "2 files of 0 runs and the cache checked" in told


@pytest.mark.parametrize("content", DAMAGED)
def test_a_table_that_lost_its_form_is_wrong(bench, tmp_path, content):
    (tmp_path / "tables").mkdir()
    path = tmp_path / "tables" / "one.csv"
    path.write_bytes(content)
    (finding,) = found(tmp_path).wrong
    assert finding.path == path
    assert DAMAGED[content] in finding.problem
    assert bench("verify", tmp_path, "--cache", tmp_path / "cache")[0] == 1


def test_other_files_are_no_tables(bench, tmp_path):
    (tmp_path / "manifest.csv").write_bytes(WHOLE)
    (tmp_path / ".tables").mkdir()
    (tmp_path / ".tables" / "one.csv").write_bytes(WHOLE)
    assert not found(tmp_path).files
    status, _, err = bench("verify", tmp_path)
    assert (status, "name another folder" in err) == (1, True)
    (tmp_path / "manifest.md").touch()
    assert found(tmp_path).files == 1


def test_a_table_is_held_to_the_study_beside_it(bench, tmp_path):
    """As the results keep it, without its runs: a changed digit is wrong, and so is a changed study, told once."""
    kept = Path(__file__).parents[2] / "results" / "scale" / "synthped-demo" / "hashreid-47b97345"
    folder = shutil.copytree(kept, tmp_path / "scale" / "synthped-demo" / kept.name)
    verify = ("verify", tmp_path, "--cache", tmp_path / "cache")
    assert bench(*verify)[0] == 0
    table = folder / "scale-exact.csv"
    whole = table.read_text(encoding="utf-8")
    number = re.search(r"0\.\d{6,}", whole)[0]
    table.write_text(whole.replace(number, f"{float(number) + 0.01}", 1), encoding="utf-8")
    status, _, err = bench(*verify)
    assert (status, "1 of" in err, "scale-exact.csv does not hold what scale.json beside it says" in err) == (1, 1, 1)
    table.write_text(whole[:-1], encoding="utf-8")
    assert "its last row does not end" in bench(*verify)[2]
    (folder / "scale.json").write_bytes((folder / "scale.json").read_bytes().replace(b"batched_ms", b"batched_mz", 1))
    status, _, err = bench(*verify)
    assert (status, "1 of" in err, "scale.json is damaged" in err) == (1, 1, 1)
