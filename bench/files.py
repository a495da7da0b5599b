"""Files on disk: written beside and renamed, with a digest of their content, read whole or refused by name."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from bench import temporary
from bench.digests import FIELD, DamagedFile, opened, stamp, stamp_archive, verify

if TYPE_CHECKING:  # JSON and renaming need no arrays: the command line starts without NumPy
    from numpy.typing import ArrayLike, NDArray

SCHEMA_VERSION = 1
"""Raised when the form of the stored files changes."""
AGAIN = "remove it to have it made again"
DIGEST = "digest"
"""Name of the digest in a JSON object."""


def write_arrays(path: Path, arrays: Mapping[str, ArrayLike], *, compressed: bool = False) -> None:
    """Write arrays by name as ``.npz``, with a digest. Raises OSError where that fails."""
    import numpy as np

    named: dict[str, Any] = dict(arrays)
    with replacing(path) as beside:
        with beside.open("wb") as file:
            (np.savez_compressed if compressed else np.savez)(file, **named)
        stamp_archive(beside)


def read_arrays(path: Path, advice: str = AGAIN) -> dict[str, NDArray[Any]]:
    """Read all arrays of a file. Raises DamagedFile, with the advice, where it is not what was written or not there."""
    import numpy as np

    try:
        verify(path)
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    except (OSError, ValueError, TypeError, AttributeError, EOFError, BadZipFile, zlib.error, DamagedFile) as problem:
        raise DamagedFile(f"cannot read {path} ({problem}); {advice}") from problem


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Offer a temporary file beside ``path`` that takes its place when the block ends well, and vanishes otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary.beside(path) as beside:
        yield beside
        beside.chmod(0o644)
        beside.replace(path)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write plain values as a readable JSON object, with a digest. Raises OSError where that fails."""
    with replacing(path) as beside:
        text = json.dumps({**value, DIGEST: FIELD}, indent=1, sort_keys=True, allow_nan=False)
        beside.write_text(text + "\n", encoding="utf-8")
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
