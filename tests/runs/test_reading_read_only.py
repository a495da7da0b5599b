"""A run in a folder that nothing can be written to is read without a lock; elsewhere the folder is held."""

import os

import pytest

from bench.runs.folder import FolderHeld, RunFolder


def test_a_read_only_folder_is_read_without_a_lock(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with folder.read():
        assert not list(folder.path.iterdir())


def test_a_folder_that_can_be_written_is_held_while_it_is_read(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with folder.read(), pytest.raises(FolderHeld), RunFolder(folder.path).alone():
        pass
