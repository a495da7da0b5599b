"""What cannot be written is found before the work begins; what cannot be printed is an error, or printed plainly."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.files import check_writable

SMALL = ("--preset", "smoke", "--data", "size=smoke")
COMMANDS = {
    "latency": ("latency", "--method", "hashreid", "--preset", "smoke", "--busy"),
    "search": ("search", "--method", "hashreid", *SMALL),
    "policies": ("policies", "--method", "hashreid", "--calibration", "0.3", *SMALL),
    "infer": ("infer", "any", "--busy"),
    "architecture search": ("architecture", "search", "--method", "cnet", *SMALL),
}
WRITTEN = {
    "gallery build": ("gallery", "build", "any", "--out", "kept/any.gallery"),
    "embed": ("embed", "any", "--images", ".", "--out", "kept/any.npz"),
    "embeddings": ("embeddings", "any", "--out", "kept/any.npz"),
}
TYPED = "import sys; sys.argv = ['bench', *{}]\nfrom bench.cli import main; main()"


@pytest.mark.parametrize("name", COMMANDS)
def test_read_only_results_are_found_before_the_work(bench, tmp_path, monkeypatch, name):
    monkeypatch.setattr(os, "access", lambda path, mode, **_: mode == os.R_OK)
    status, out, err = bench(*COMMANDS[name], "--results", tmp_path / "results")
    assert (status, out) == (1, "")
    assert f"cannot write under {tmp_path}" in err
    assert "choose other --results" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", WRITTEN)
def test_a_read_only_place_is_found_before_the_run_is_read(bench, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode, **_: mode == os.R_OK)
    status, _, err = bench(*WRITTEN[name])
    assert (status, "cannot write under kept" in err, "choose another --out" in err) == (1, True, True)
    assert not list(tmp_path.iterdir())


def test_the_nearest_folder_that_is_there_has_to_take_files(tmp_path):
    check_writable(tmp_path / "not" / "there" / "yet")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(BenchError, match="file is no folder"):
        check_writable(tmp_path / "file" / "results")
    with pytest.raises(BenchError, match="File name too long"):
        check_writable(tmp_path / ("long" * 200))


@pytest.mark.parametrize("arguments", [["list", "costs"], ["--help"]])
@pytest.mark.parametrize("full", [False, True])
def test_output_that_is_lost_is_an_error(full, arguments):
    code = TYPED.format(arguments) if full else f"import os; os.close(1)\n{TYPED.format(arguments)}"
    with Path("/dev/full" if full else os.devnull).open("wb") as out:
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, timeout=120, check=False)
    reason = "No space left on device" if full else "Bad file descriptor"
    told = done.stderr.decode()
    assert (done.returncode, told.count("\n"), told.startswith("error: "), reason in told) == (1, 1, True, True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without devices as files")
@pytest.mark.parametrize(
    "arguments",
    [("export", "/dev/full"), ("gallery", "show", "/dev/full"), ("merge", "/dev/full"), ("verify", "/dev/full")],
)
def test_a_device_is_neither_read_nor_replaced(bench, arguments):
    status, _, err = bench(*arguments)
    assert (status, "/dev/full is a device" in err, Path("/dev/full").is_char_device()) == (1, True, True)


@pytest.mark.parametrize("arguments", [["run", "--help"], ["list", "methods"], ["show", "nobody·"]])
def test_a_narrow_ascii_terminal_gets_plain_text(arguments, tmp_path):
    plain = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "TERM": "dumb", "COLUMNS": "20"}
    command = [sys.executable, "-c", TYPED.format(arguments)]
    root = str(Path(__file__).parent.parent)
    environment = {**os.environ, **plain, "PYTHONPATH": root}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, timeout=120, check=False)
    said = (done.stdout + done.stderr).decode("ascii")
    assert (done.returncode, "Traceback" in said, "\x1b" in said) == (int("nobody·" in arguments), False, False)
    assert any(word in said for word in ("--budget", "hashreid", "found none"))
