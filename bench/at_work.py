"""Which of this user's ``bench`` processes are at work on this machine, so that nothing is timed beside them.

Each locks a file of its own in a folder of the user's while it works. The system releases the lock of a process that
was killed, so a file without a lock stands for no process. Where there are no such locks (Windows), none is seen.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.errors import BenchError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def folder() -> Path:
    """Name the folder of those at work: under XDG_RUNTIME_DIR, or among the temporary files."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir():
        return Path(runtime) / "reid-budget-bench"
    return Path(tempfile.gettempdir()) / f"reid-budget-bench-{getattr(os, 'getuid', int)()}"


@contextmanager
def at_work(what: str) -> Iterator[None]:
    """Be seen by others on this machine, as ``bench <what>``, while the block runs; never fails."""
    if fcntl is None:
        yield
        return
    path = folder() / f"{os.getpid()}"
    file = None
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = path.open("a", encoding="utf-8")
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.truncate(0)
        file.write(f"bench {what}")
        file.flush()
    try:
        yield
    finally:
        if file is not None:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            file.close()


def others() -> list[str]:
    """Name this user's other processes at work on this machine; what dead ones left is cleared."""
    found = []
    for path in sorted(folder().glob("*")) if fcntl is not None else ():
        if path.name == str(os.getpid()):
            continue
        with suppress(OSError), path.open("r+", encoding="utf-8") as file:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            except BlockingIOError:
                found.append(f"{file.read(80) or 'bench'} (process {path.name})")
    return found


def check_alone(busy: bool) -> list[str]:
    """Give those beside whom something would be timed. Raises BenchError where there are any, unless ``busy`` is so."""
    beside = others()
    if beside and not busy:
        are = "is" if len(beside) == 1 else "are"
        raise BenchError(
            f"nothing is timed beside other work, and {', '.join(beside)} {are} at work on this machine: wait for it, "
            "or say --busy, which goes on the record"
        )
    return beside
