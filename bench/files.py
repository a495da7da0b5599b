"""Files on disk: written beside and renamed, read whole or refused by name."""

from __future__ import annotations

import json
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError

SCHEMA_VERSION = 1
"""Raised when the form of the stored files changes."""
AGAIN = "remove it to have it made again"


def read_arrays(path: Path, advice: str = AGAIN) -> dict[str, NDArray[Any]]:
    """Read all arrays of a file; one that is damaged or unreadable is an error that names it and gives the advice."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    except (OSError, ValueError, TypeError, EOFError, BadZipFile, zlib.error) as problem:
        raise BenchError(f"cannot read {path} ({problem}); {advice}") from problem


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Offer a temporary file beside ``path`` that takes its place when the block ends well, and vanishes otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        beside.chmod(0o644)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write plain values as readable JSON."""
    with replacing(path) as beside:
        beside.write_text(json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read JSON, naming the file if it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise BenchError(f"cannot read {path}: {problem}; remove it to have it made again") from problem
