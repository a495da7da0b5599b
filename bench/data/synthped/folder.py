"""The folder of a set while it is rendered: complete files only, one process at a time, a marker at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xxhash
from filelock import FileLock, Timeout

from bench.data.synthped.spec import SynthPedSpec
from bench.errors import BenchError
from bench.files import read_json, write_json
from bench.progress import Reporter

MARKER = "synthped.json"
"""Written last: a folder without it is not a finished set."""
CONTENT = "content"
"""Name of the images' digest in the marker."""
RENDER_AGAIN = "delete this folder, and the same set is rendered again"
_DONE = ".parts"


def finished(spec: SynthPedSpec, folder: Path) -> bool:
    """Whether ``folder`` holds exactly this set; raises :class:`BenchError` where it holds something else."""
    marker = folder / MARKER
    if not folder.exists():
        return False
    if not marker.is_file():
        if folder.is_dir() and not any(folder.iterdir()):
            return False
        raise BenchError(f"{folder} is no finished synthped set (it has no {MARKER}): delete it or name another folder")
    found = read_marker(folder).get("spec")
    if found != spec.as_json():
        raise BenchError(f"{folder} holds another synthped set ({found}), not {spec.as_json()}: name another folder")
    return True


def read_marker(folder: Path) -> dict[str, Any]:
    """Read what a finished set says of itself. Raises :class:`BenchError` where that cannot be read."""
    return read_json(folder / MARKER, f"delete {folder}, and it is rendered again")


def content_digest(folder: Path) -> str:
    """Hash the names and contents of all images of a set (xxh3, 128 bits)."""
    hasher = xxhash.xxh3_128()
    for path in sorted(folder.glob("*/*.jpg")):
        content = path.read_bytes()
        hasher.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        hasher.update(content)
    return hasher.hexdigest()


def check_content(folder: Path) -> bool:
    """Check the images of a finished set against their digest; False where an earlier version wrote none.

    Those of an earlier version are counted. Raises :class:`BenchError` where an image was altered, added or removed.
    """
    marker = read_marker(folder)
    counts = marker.get("images")
    for name, count in counts.items() if isinstance(counts, dict) else ():
        there = sum(1 for _ in (folder / name).glob("*.jpg"))
        if there != count:
            raise BenchError(
                f"{folder} is not the set that was rendered: {name} holds {there} images, not {count}; {RENDER_AGAIN}"
            )
    kept = marker.get(CONTENT)
    if kept is not None and kept != content_digest(folder):
        raise BenchError(
            f"{folder} is not the set that was rendered: its images do not match their digest; {RENDER_AGAIN}"
        )
    return kept is not None


def making_folder(spec: SynthPedSpec, folder: Path) -> Path:
    """The folder in which a set is rendered, beside ``folder``; its name holds the spec's hash, so sets never mix."""
    return folder.with_name(f".{folder.name}.{spec.fingerprint()}.making")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name and rename it, so that no reader sees a part of it."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    temporary.write_bytes(content)
    temporary.replace(path)


def mark_part(making: Path, part: str) -> None:
    """Record that all images of a part are written."""
    write_whole(making / _DONE / part, b"")


def parts_done(making: Path) -> frozenset[str]:
    """Names of the parts that an earlier run has written."""
    done = making / _DONE
    return frozenset(path.name for path in done.iterdir()) if done.is_dir() else frozenset()


def prepare(making: Path, subfolders: tuple[str, ...]) -> None:
    """Create the folder in which a set is rendered."""
    for name in (*subfolders, _DONE):
        (making / name).mkdir(parents=True, exist_ok=True)


def finish(making: Path, folder: Path, meta: dict[str, object]) -> None:
    """Finish a set: remove temporary files, write the marker, rename ``making`` to ``folder``."""
    for path in making.rglob("*.new"):
        path.unlink()
    for path in (making / _DONE).iterdir():
        path.unlink()
    (making / _DONE).rmdir()
    meta = {**meta, CONTENT: content_digest(making)}
    write_json(making / MARKER, meta)
    if folder.exists():
        # An empty folder made by the user: not every system renames over it.
        folder.rmdir()
    making.replace(folder)


@contextmanager
def only_maker(folder: Path, reporter: Reporter) -> Iterator[None]:
    """Hold the lock of a set that is rendered; waits while another process holds it. A dead process holds none."""
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        reporter.note(f"another process is rendering {folder}: waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
