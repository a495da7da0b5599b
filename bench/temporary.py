"""Temporary files and folders: held by a lock while their process works, and cleared by the next one of their kind.

A process that is killed cannot clear up after itself. The system gives its locks back, so the next process can tell
what was left behind from what is being written. Where there are no such locks (Windows, some network file systems)
nothing is cleared.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

BESIDE = re.compile(r"\..+(\.\w+)\.[a-z0-9_]{8}\1")
"""Names of files that :func:`beside` makes."""
LOCK = ".lock"
"""The file in a temporary folder that is held."""
ABANDONED_SECONDS = 3600
"""A temporary folder in which nothing can be held is left behind when it is older."""


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Offer a new, empty file beside ``path``, held while the block runs; it is removed at the end unless renamed.

    What killed processes left beside the same path is cleared first. Raises OSError where no file can be made.
    """
    clear(one for one in path.parent.glob(".*") if one.name.startswith(f".{path.name}.") and BESIDE.fullmatch(one.name))
    handle, made = _held_file(path)
    if fcntl is None:
        os.close(handle)  # an open file cannot be renamed there
    try:
        yield made
    finally:
        made.unlink(missing_ok=True)
        if fcntl is not None:
            os.close(handle)


@contextmanager
def folder_in(parent: Path, prefix: str) -> Iterator[Path]:
    """Offer a new folder in ``parent``, held while the block runs and removed with all that is in it at the end.

    What killed processes left under the same prefix is cleared first. Raises OSError where no folder can be made.
    """
    clear(parent.glob(f"{prefix}*"))
    with (
        tempfile.TemporaryDirectory(prefix=prefix, dir=parent, ignore_cleanup_errors=True) as name,
        (Path(name) / LOCK).open("wb") as lock,
    ):
        _hold(lock.fileno())
        yield Path(name)


def _held_file(path: Path) -> tuple[int, Path]:
    while True:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        _hold(handle)
        if os.fstat(handle).st_nlink:
            return handle, Path(name)
        os.close(handle)  # another process took it for a leftover before it was held


def _hold(descriptor: int) -> None:
    """Hold an open file against :func:`clear` until it is closed or the process ends."""
    if fcntl is not None:
        with suppress(OSError):  # a file system without locks: then nothing is cleared there either
            fcntl.flock(descriptor, fcntl.LOCK_EX)


def clear(paths: Iterable[Path]) -> None:
    """Remove those temporary files and folders that no process holds; what cannot be removed stays."""
    for path in paths:
        with suppress(OSError), _let_go(path) as free:
            if free:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def _let_go(path: Path) -> Iterator[bool]:
    """Say whether no process is at work on a temporary file or folder; none begins to while the block runs."""
    if fcntl is None:
        yield False
        return
    locked = path / LOCK if path.is_dir() else path
    if not locked.exists():
        yield time.time() - path.stat().st_mtime >= ABANDONED_SECONDS
        return
    with locked.open("rb") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = True
        except OSError:
            free = False
        yield free
