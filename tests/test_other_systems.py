"""What Windows and macOS do otherwise, simulated here: text mode, modules and signals, open files, copies to MPS."""

import ast
import io
import shutil
import signal
import subprocess
import sys
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from bench import at_work, files, provenance
from bench.data import images, manifest
from bench.data.dataset import ImageSample
from bench.device import DeviceImages, wait_for
from bench.errors import BenchError
from bench.files import write_json, write_text
from bench.inference import measuring
from bench.running.stages import sample_names
from bench.running.workers import local_processes
from bench.runs.records import write_records

ROOT = Path(__file__).parents[1]
POSIX_ONLY = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios"}


def write_one_of_each(folder):
    write_json(folder / "a.json", {"value": [1, 2]})
    write_text(folder / "a.genotype", "two\nlines")
    write_records(folder / "records-0.jsonl", {"provenance": {"code": "0"}}, [{"policy": "gs"}])
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_kept_files_have_the_same_bytes_where_text_mode_ends_lines_otherwise(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    here, plainly = write_one_of_each(tmp_path / "here"), io.open

    def as_on_windows(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, *more):
        newline = "\r\n" if newline is None and "b" not in mode and mode != "r" else newline
        return plainly(file, mode, buffering, encoding, errors, newline, *more)

    monkeypatch.setattr(io, "open", as_on_windows)
    assert write_one_of_each(tmp_path / "there") == here


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_git_checks_out_every_file_as_it_is(tmp_path):
    def git(*arguments):
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", "-C", tmp_path, *who, *arguments], check=True, capture_output=True)

    git("init", "--quiet")
    shutil.copy(ROOT / ".gitattributes", tmp_path)
    kept = {"unix.json": b"a\nb\n", "windows.csv": b"a\r\nb\r\n"}
    for name, content in kept.items():
        (tmp_path / name).write_bytes(content)
    git("-c", "core.autocrlf=true", "add", ".")
    git("commit", "--quiet", "--message", "files")
    for name in kept:
        (tmp_path / name).unlink()
    git("-c", "core.autocrlf=true", "checkout", "--", ".")
    assert {name: (tmp_path / name).read_bytes() for name in kept} == kept


def test_modules_that_windows_lacks_are_imported_where_their_absence_is_caught():
    for package in ("bench", "baselines", "hashreid"):
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            tried = {one for node in ast.walk(tree) if isinstance(node, ast.Try) for one in ast.walk(node)}
            for node in set(ast.walk(tree)) - tried:
                names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert not POSIX_ONLY.intersection(names), f"{path}, line {node.lineno}"


def test_peak_memory_is_unknown_without_the_module_that_tells(monkeypatch):
    assert measuring.peak_memory_bytes() > 1 << 20
    monkeypatch.setattr(measuring, "resource", None)
    assert measuring.peak_memory_bytes() is None


def test_the_end_of_a_worker_is_told_without_sigkill(monkeypatch):
    monkeypatch.delattr(signal, "SIGKILL")
    assert local_processes._end_of(-signal.SIGTERM) == "was ended by SIGTERM"


def test_nothing_is_left_of_commands_that_nobody_can_see(tmp_path, monkeypatch):
    monkeypatch.setattr(at_work, "fcntl", None)
    monkeypatch.setattr(at_work, "folder", lambda: tmp_path / "at work")
    with at_work.at_work("run"):
        assert at_work.others() == []
        assert not (tmp_path / "at work").exists()


def test_a_file_that_is_being_read_is_replaced_a_moment_later(tmp_path, monkeypatch):
    refusals, plainly = [1, 2], Path.replace

    def refused_at_first(self, target):
        if refusals:
            refusals.pop()
            raise PermissionError(13, "Access is denied", str(target))
        return plainly(self, target)

    monkeypatch.setattr(Path, "replace", refused_at_first)
    monkeypatch.setattr(files, "REFUSES_OPEN_FILES", True)
    monkeypatch.setattr(files, "PAUSES_SECONDS", (0.0, 0.0))
    write_json(tmp_path / "a.json", {})
    refusals[:] = [1, 2, 3]
    with pytest.raises(PermissionError):
        write_json(tmp_path / "a.json", {})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_store_that_another_process_has_built_and_mapped_is_as_good(tmp_path, monkeypatch):
    Image.new("RGB", (4, 8)).save(tmp_path / "a.png")
    samples, build = [ImageSample(tmp_path / "a.png", 0, 0)], images._build

    def built_elsewhere(*about):
        build(*about)
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(images, "_build", built_elsewhere)
    assert images.open_store(samples, (8, 4), tmp_path / "cache").images.shape == (1, 3, 8, 4)

    def not_built(*_):
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(images, "_build", not_built)
    with pytest.raises(BenchError, match="name another cache"):
        images.open_store(samples, (8, 4), tmp_path / "other")


def test_a_list_points_nowhere_else_where_a_path_with_a_root_is_not_absolute(tmp_path, monkeypatch):
    (tmp_path / "set").mkdir()
    (tmp_path / "a.jpg").touch()
    monkeypatch.setattr(manifest, "Path", PureWindowsPath)
    with pytest.raises(BenchError, match="path must be a file below"):
        manifest._inside(str(tmp_path / "a.jpg"), tmp_path / "set", "line 2")


def test_names_of_images_are_kept_with_slashes():
    assert sample_names([SimpleNamespace(path=PureWindowsPath(r"C:\sets\market\query\a.jpg"))]) == ["query/a.jpg"]


@pytest.mark.parametrize(("device", "without_waiting"), [("mps", False), ("cuda", True)])
def test_a_batch_is_there_before_its_copy_is_used(monkeypatch, device, without_waiting):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (0, 0))
    said = {}
    batch = SimpleNamespace(to=lambda device, **how: said.update(how))
    store = SimpleNamespace(images=np.zeros((2, 3, 4, 4), np.uint8), batch=lambda indices: batch)
    DeviceImages(store, SimpleNamespace(device=torch.device(device))).batch(torch.arange(2))
    assert said == {"non_blocking": without_waiting}


def test_time_ends_when_the_accelerator_is_done(monkeypatch):
    waited = []
    monkeypatch.setattr(torch.mps, "synchronize", lambda: waited.append("mps"))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: waited.append(device.type))
    for device in ("cpu", "mps", "cuda"):
        wait_for(torch.device(device))
    assert waited == ["mps", "cuda"]


def test_macs_are_told_apart(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(provenance, "_answer", lambda *command: "Apple M2" if command[0] == "sysctl" else None)
    assert provenance._processor().startswith("Apple M2, ")
