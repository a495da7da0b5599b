"""Files on disk: written beside and renamed, with a digest of their content, read whole or refused by name."""

from __future__ import annotations

import errno
import json
import os
import re
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from bench import temporary
from bench.digests import FIELD, DamagedFile, ForeignFile, opened, source_of, stamp, stamp_archive, verify
from bench.errors import BenchError

if TYPE_CHECKING:  # JSON and renaming need no arrays: the command line starts without NumPy
    from numpy.typing import ArrayLike, NDArray

SCHEMA_VERSION = 1
"""Raised when the form of the stored files changes."""
AGAIN = "remove it to have it made again"
DIGEST = "digest"
"""Name of the digest in a JSON object."""
LONGEST_TEXT = 10_000
"""Characters of a text that are read."""
REFUSES_OPEN_FILES = os.name == "nt"
"""Windows replaces no file that is open, be it in another command or in a virus scanner."""
PAUSES_SECONDS = (0.05, 0.2, 0.5, 1.0)
KEYED = re.compile(r".+-[0-9a-f]{8}")
"""Names that the suite gives end with digits that follow from what is in the file."""


def write_arrays(path: Path, arrays: Mapping[str, ArrayLike], *, compressed: bool = False, source: str = "") -> None:
    """Write arrays by name as ``.npz``, with a digest and that of the file that they follow from (``source``).

    Raises OSError where that fails.
    """
    import numpy as np

    named: dict[str, Any] = dict(arrays)
    with replacing(path) as beside:
        with beside.open("wb") as file:
            (np.savez_compressed if compressed else np.savez)(file, **named)
        stamp_archive(beside, source)


def read_arrays(path: Path, advice: str = AGAIN) -> dict[str, NDArray[Any]]:
    """Read all arrays of a file. Raises DamagedFile, with the advice, where it is not what was written or not there."""
    import numpy as np

    try:
        verify(path)
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    except (OSError, ValueError, TypeError, AttributeError, EOFError, BadZipFile, zlib.error, DamagedFile) as problem:
        raise DamagedFile(f"cannot read {path} ({problem}); {advice}") from problem


def check_writable(folder: Path, choose: str = "other --results") -> None:
    """Look, before the work begins, whether files can be written to a folder, which need not be there yet.

    Nothing is made: the nearest folder that is there has to allow it. Raises BenchError that says what to ``choose``.
    """
    try:
        there = folder
        while not there.exists() and there != there.parent:
            there = there.parent
        if not there.is_dir():
            reason = f"{there} is no folder"
        elif os.access(there, os.W_OK | os.X_OK):
            return
        else:
            reason = f"{there} is read-only or belongs to somebody else"
    except OSError as problem:
        reason = problem.strerror or str(problem)
    raise BenchError(f"cannot write under {folder}: {reason}; choose {choose}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Offer a temporary file beside ``path`` that takes its place when the block ends well, and vanishes otherwise.

    Raises OSError where that fails, and where there is something else than a file in that place: /dev/null would be
    gone for everybody.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "there is something else than a file", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary.beside(path) as beside:
        yield beside
        beside.chmod(0o644)
        _take_place(beside, path)


def _take_place(beside: Path, path: Path) -> None:
    """Rename a file to ``path``. Where that is refused because another process reads the file there, wait a moment."""
    for pause in PAUSES_SECONDS if REFUSES_OPEN_FILES else ():
        with suppress(PermissionError):
            beside.replace(path)
            return
        time.sleep(pause)
    beside.replace(path)


@contextmanager
def writing(what: object, advice: str = "choose other --results") -> Iterator[None]:
    """Name what cannot be written. Raises BenchError, with the advice, for an OSError inside the block."""
    try:
        yield
    except OSError as problem:
        raise BenchError(f"cannot write {what}: {problem.strerror or problem}; {advice}") from problem


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write plain values as a readable JSON object, with a digest. Raises OSError where that fails."""
    with replacing(path) as beside:
        text = json.dumps({**value, DIGEST: FIELD}, indent=1, sort_keys=True, allow_nan=False)
        beside.write_text(text + "\n", encoding="utf-8", newline="\n")
        stamp(beside)


def read_json(path: Path, advice: str = AGAIN) -> dict[str, Any]:
    """Read a JSON object, compressed where its name ends with ``.gz`` or ``.xz``, without its digest.

    Raises DamagedFile, with the advice, where it is not what was written, no object, or not there.
    """
    try:
        verify(path)
        with opened(path) as file:
            value = json.loads(file.read())
    except (OSError, ValueError, RecursionError, DamagedFile) as problem:
        raise DamagedFile(f"cannot read {path}: {problem}; {advice}") from problem
    if not isinstance(value, dict):
        raise DamagedFile(f"cannot read {path}: expected an object, found {type(value).__name__}; {advice}")
    value.pop(DIGEST, None)
    return value


def write_text(path: Path, text: str) -> None:
    """Write a line of text, with a digest in a comment below it. Raises OSError where that fails."""
    with replacing(path) as beside:
        beside.write_text(f'{text}\n# "{DIGEST}": "{FIELD}"\n', encoding="utf-8", newline="\n")
        stamp(beside)


def read_text(path: Path, advice: str = AGAIN) -> str:
    """Read what :func:`write_text` wrote, or somebody's own text without a digest; comments (#) are left out.

    Raises DamagedFile, with the advice, where it is not what was written, no short text, or not there.
    """
    try:
        verify(path)
        with path.open(encoding="utf-8") as file:
            lines = file.read(LONGEST_TEXT).splitlines()
    except (OSError, ValueError, DamagedFile) as problem:
        raise DamagedFile(f"cannot read {path}: {problem}; {advice}") from problem
    return "\n".join(line.strip() for line in lines if not line.lstrip().startswith("#")).strip()


def check_source(path: Path, source: str, advice: str = AGAIN) -> None:
    """Compare the training that a file follows from with the one of digest ``source``; where either is unknown, pass.

    Raises ForeignFile, with the advice, where they are two, and OSError where the file cannot be read.
    """
    if source and source_of(path) not in ("", source):
        raise ForeignFile(f"{path} follows from another training than the one kept beside it; {advice}")


def check_name(path: Path, found: str, written: str) -> None:
    """Compare the name of a kept file or its folder, without ending, with the one that its content is written under.

    Names that users gave, which end with no digits of ours, are left alone. Raises DamagedFile where the content is
    that of another file.
    """
    if found != written and KEYED.fullmatch(found):
        raise DamagedFile(f"{path} holds what is kept as {written}: another measurement's file lies in its place")
