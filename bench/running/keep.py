"""Use what is there and whole, else make it and put it in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TypeVar

from bench.digests import DamagedFile, carries_digest
from bench.errors import WRONG_FORM, BenchError
from bench.files import AGAIN, check_source
from bench.progress import Reporter

Kept = TypeVar("Kept")
Hold = Callable[[], AbstractContextManager[bool]]
"""Holds the folder while a file is written there, and tells whether it may be written."""


def held() -> AbstractContextManager[bool]:
    """Hold nothing: whoever asks holds the folder already."""
    return nullcontext(True)


def obtain(
    path: Path,
    read: Callable[[Path], Kept],
    make: Callable[[], Kept],
    write: Callable[[Kept, Path, str], None],
    reporter: Reporter,
    *,
    found: str = "",
    hold: Hold = held,
    source: str = "",
) -> Kept:
    """Read ``path`` where it is there and whole; else make the value and write it there, if the folder can be held.

    ``found`` is noted where the file could be read. A file that is damaged, or that follows from another training
    than the one with digest ``source``, is named in a note and made again: whatever is kept this way follows from
    other files of the run. ``write`` takes value, path and source. Raises BenchError where the value cannot be written.
    """
    value = find(path, read, reporter, found=found, source=source)
    if value is None:
        value = make()
        with hold() as may_write:
            if may_write:
                with saving(path):
                    write(value, path, source)
            else:
                reporter.note(f"{path.name} is not kept: its folder is read-only, or another process is at work there")
    return value


def find(
    path: Path, read: Callable[[Path], Kept], reporter: Reporter, *, found: str = "", source: str = ""
) -> Kept | None:
    """Read ``path``, or give None where it is not there, damaged, or of another ``source``, which a note says."""
    if not path.exists():
        return None
    try:
        value = whole(path, read, reporter, source=source)
    except DamagedFile as problem:
        # What follows in the message is advice for those who must act themselves.
        reporter.note(f"{str(problem).split('; ')[0]}: it is made again")
        return None
    if found:
        reporter.note(found)
    return value


def whole(
    path: Path, read: Callable[[Path], Kept], reporter: Reporter, *, source: str = "", advice: str = AGAIN
) -> Kept:
    """Read ``path``, with a note where it carries no digest.

    Raises DamagedFile where it is not what was written, and, with the advice, where it follows from another training
    than the one with digest ``source``.
    """
    try:
        value = read(path)
    except WRONG_FORM as problem:
        raise DamagedFile(f"{path} is not of the form that this suite writes ({problem!r})") from problem
    check_source(path, source, advice)
    if not carries_digest(path):
        reporter.note(f"{path.name} carries no digest, an earlier version wrote it: its content is not checked")
    return value


@contextmanager
def saving(path: Path) -> Iterator[None]:
    """Name the file where it cannot be written. Raises BenchError for an OSError inside the block."""
    try:
        yield
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise BenchError(
            f"cannot write {path} ({reason}); free some space or name other --results, and the same command goes on "
            "from what is kept"
        ) from problem
