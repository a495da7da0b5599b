"""A folder in the making: parts already done, whole files only, one maker at a time, a marker at the very end."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.data.synthped.spec import SynthPedSpec
from bench.errors import BenchError
from bench.progress import Reporter

MARKER = "synthped.json"
"""Written last: a folder without it is no finished set."""
_DONE = ".parts"


def finished(spec: SynthPedSpec, folder: Path) -> bool:
    """Whether ``folder`` holds this very set; an error where it holds something else."""
    marker = folder / MARKER
    if not folder.exists():
        return False
    if not marker.is_file():
        if folder.is_dir() and not any(folder.iterdir()):
            return False
        raise BenchError(f"{folder} is no finished synthped set (it has no {MARKER}): delete it or name another folder")
    found = json.loads(marker.read_text()).get("spec")
    if found != spec.as_json():
        raise BenchError(f"{folder} holds another synthped set ({found}), not {spec.as_json()}: name another folder")
    return True


def making_folder(spec: SynthPedSpec, folder: Path) -> Path:
    """The sibling in which a set is made; its name tells the spec, so that two specs are never mixed."""
    return folder.with_name(f".{folder.name}.{spec.fingerprint()}.making")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees a part of it: under a name of this process's own, then renamed."""
    passing = path.with_name(f"{path.name}.{os.getpid()}.new")
    passing.write_bytes(content)
    passing.replace(path)


def mark_part(making: Path, part: str) -> None:
    """Say that all images of a part are written."""
    write_whole(making / _DONE / part, b"")


def parts_done(making: Path) -> frozenset[str]:
    """Names of the parts that an earlier run has written."""
    done = making / _DONE
    return frozenset(path.name for path in done.iterdir()) if done.is_dir() else frozenset()


def prepare(making: Path, subfolders: tuple[str, ...]) -> None:
    """Create the folder in the making."""
    for name in (*subfolders, _DONE):
        (making / name).mkdir(parents=True, exist_ok=True)


def finish(making: Path, folder: Path, meta: dict[str, object]) -> None:
    """Turn the folder in the making into the finished one: clear what helped, write the marker, rename."""
    for path in making.rglob("*.new"):
        path.unlink()
    for path in (making / _DONE).iterdir():
        path.unlink()
    (making / _DONE).rmdir()
    write_whole(making / MARKER, (json.dumps(meta, indent=2) + "\n").encode())
    if folder.exists():
        # An empty folder that the user has made: not every system renames over it.
        folder.rmdir()
    making.replace(folder)


@contextmanager
def only_maker(folder: Path, reporter: Reporter) -> Iterator[None]:
    """Hold the lock of a set in the making; wait while another process holds it. It is freed when its process ends."""
    lock_path = folder.with_name(f".{folder.name}.lock")
    try:
        import fcntl
    except ImportError:  # No such locks on this system: whole files under final names keep two makers from harm.
        yield
        return
    waiting = False
    while True:
        with lock_path.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # The holder before may have removed the file after we opened it: then this lock excludes nobody.
                held = lock_path.exists() and os.path.samestat(os.fstat(lock.fileno()), lock_path.stat())
            except (BlockingIOError, FileNotFoundError):
                held = False
            if held:
                try:
                    yield
                finally:
                    lock_path.unlink(missing_ok=True)
                return
        if not waiting:
            reporter.note(f"another process is rendering {folder}: waiting for it")
            waiting = True
        time.sleep(0.2)
