"""Where the locale is C, streams are ASCII and names arrive as bytes: whole commands work, and write the same."""

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli import main
from bench.runs.records import read_header

NAMED = "résultats €"
SWEEP = ("--budgets", "2", "--shuffles", "2", "--resamples", "2", "--policies", "gs")
SMOKE = ("--preset", "smoke", "--data", "size=smoke", "--device", "cpu")
RUN = ("run", "-m", "hashreid", "--budget-sweep", *SWEEP, *SMOKE)


def as_the_locale_gives(text: str | Path) -> str:
    """Bytes of a name as Python hands them to a command where the locale is ASCII."""
    return os.fsencode(text).decode("ascii", "surrogateescape")


@pytest.fixture
def bench_in_ascii(monkeypatch, cache):
    """Type a command whose streams are ASCII, 20 columns wide, and whose arguments are read as ASCII."""
    monkeypatch.setenv("BENCH_CACHE", str(cache))
    monkeypatch.setenv("COLUMNS", "20")

    def type_(*arguments):
        monkeypatch.setattr(sys, "argv", ["bench", *map(as_the_locale_gives, arguments)])
        said = {name: io.TextIOWrapper(io.BytesIO(), "ascii") for name in ("stdout", "stderr")}
        for name, stream in said.items():
            monkeypatch.setattr(sys, name, stream)
        status = 0
        try:
            main()
        except SystemExit as ended:
            status = ended.code or 0
        return status, b"".join(stream.buffer.getvalue() for stream in said.values()).decode("ascii")

    return type_


def test_whole_commands_in_ascii(bench_in_ascii, smoke_request, trained, cache, tmp_path):
    results, photographs, sheet = tmp_path / NAMED, tmp_path / "phötos", tmp_path / "blätt.png"
    trained(smoke_request(results=results))
    photographs.mkdir()
    shutil.copy(next(cache.glob("synthped-smoke*/query/*")), photographs / "Jörg €.jpg")
    where = ("--results", results)
    said = {}
    for command in (
        (*RUN, *where),
        ("infer", "seed0", *where, "--images", photographs, "--sheet", sheet, "--device", "cpu"),
    ):
        status, said[command[0]] = bench_in_ascii(*command)
        assert (status, "Traceback" in said[command[0]]) == (0, False), said[command[0]]
    assert sheet.stat().st_size
    assert {path.name for path in tmp_path.iterdir()} == {NAMED, "phötos", "blätt.png"}
    (records,) = results.glob("runs/*/*/records-*.jsonl")
    assert read_header(records)["provenance"]["argv"][-1] == f"…/{NAMED}"
    assert "ö" not in said["infer"]


@pytest.mark.slow
def test_whole_commands_where_the_locale_is_c(tmp_path):
    """A process that is started so: streams, names and what opens files by the locale are ASCII."""
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "COLUMNS": "20", "OMP_NUM_THREADS": "1"}
    environment = {name: value for name, value in os.environ.items() if name not in ("LANG", "PYTHONIOENCODING")}
    environment |= {**plain, "PYTHONPATH": str(Path(__file__).parent.parent)}
    where = ("--results", NAMED, "--cache", "cäche")

    def type_(*arguments):
        command = [sys.executable, "-c", "from bench.cli import main; main()", *arguments]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, timeout=600, check=False)
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
        assert (done.stdout + done.stderr).isascii()

    type_(*RUN, *where)
    type_("verify", NAMED, "--cache", "cäche")
    type_("report", "--results", NAMED, "--formats", "svg")
    (tmp_path / "phötos").mkdir()
    shutil.copy(next(tmp_path.glob("cäche/synthped-smoke*/query/*")), tmp_path / "phötos" / "Jörg €.jpg")
    type_("infer", "seed0", *where, "--images", "phötos", "--sheet", "blätt.png")
    type_("infer", "seed0", *where, "--rounds", "1", "--queries", "4", "--batch", "2", "--busy", "--json", "zäh.json")
    assert {path.name for path in tmp_path.iterdir()} == {NAMED, "cäche", "phötos", "blätt.png", "zäh.json"}
    assert not [
        path for path in tmp_path.rglob("*.json*") if b"\\udc" in path.read_bytes() and "cäche" not in str(path)
    ]
