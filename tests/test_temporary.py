"""Temporary files: the next process clears what killed ones left, and nothing that is being written."""

import os
import subprocess
import sys
import time

import pytest

from bench import temporary
from bench.files import write_json

pytest.importorskip("fcntl")
WAIT = "import sys, time\nfrom pathlib import Path\nfrom bench import temporary\n"


def at_work(code):
    """Start a process that holds a temporary file or folder until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"{WAIT}{code}: print(flush=True); time.sleep(100)"], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.mark.parametrize(
    ("held", "again"),
    [
        ("with temporary.beside(Path({0!r}) / 'a.json')", lambda folder: write_json(folder / "a.json", {"value": 1})),
        ("with temporary.folder_in(Path({0!r}), '.made-')", lambda folder: _made(folder)),
    ],
)
def test_what_a_killed_process_left_is_cleared_and_what_another_writes_is_not(tmp_path, held, again):
    code = held.format(str(tmp_path))
    killed, working = at_work(code), at_work(code)
    try:
        assert len(list(tmp_path.glob(".*"))) == 2
        killed.kill()
        killed.wait()
        again(tmp_path)
        assert len(list(tmp_path.glob(".*"))) == 1
    finally:
        working.kill()
        working.wait()
    again(tmp_path)
    assert not list(tmp_path.glob(".*"))


def _made(folder):
    with temporary.folder_in(folder, ".made-") as made:
        (made / "part").write_text("half")


def test_a_folder_that_nothing_holds_must_be_old(tmp_path):
    young, old = tmp_path / ".made-young", tmp_path / ".made-old"
    for folder in (young, old):
        folder.mkdir()
    long_ago = time.time() - 2 * temporary.ABANDONED_SECONDS
    os.utime(old, (long_ago, long_ago))
    _made(tmp_path)
    assert (young.exists(), old.exists()) == (True, False)


def test_files_of_other_kinds_stay(tmp_path):
    others = [".a.json.short.json", ".b.json.abcd1234.json", ".lock", ".a.json"]
    for name in others:
        (tmp_path / name).touch()
    write_json(tmp_path / "a.json", {"value": 1})
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*others, "a.json"])
