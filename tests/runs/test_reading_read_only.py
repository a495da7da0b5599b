"""Whoever reads a run holds its folder only where that is possible, and learns whether it is held."""

import os

import pytest

from bench.errors import BenchError
from bench.runs.folder import FolderHeld, RunFolder


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "run").mkdir()
    return RunFolder(tmp_path / "run")


def test_a_free_folder_is_held(folder):
    with folder.if_free() as held:
        assert held
        with pytest.raises(FolderHeld), RunFolder(folder.path).alone():
            pass
    with folder.alone():
        pass


def test_a_read_only_folder_is_not_held(folder, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with folder.if_free() as held:
        assert not held
    assert not list(folder.path.iterdir())


def test_a_folder_at_which_another_process_works_is_not_held(folder):
    with folder.alone(), RunFolder(folder.path).if_free() as held:
        assert not held


def test_what_goes_wrong_while_it_is_held_is_told(folder):
    with pytest.raises(BenchError, match="full"), folder.if_free():
        raise BenchError("the disk is full")
    with folder.alone():
        pass
