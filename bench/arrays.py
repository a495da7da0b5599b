"""Arrays on disk (``.npz``), read whole or refused by name."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError

AGAIN = "remove it to have it made again"


def read_arrays(path: Path, advice: str = AGAIN) -> dict[str, NDArray[Any]]:
    """Read all arrays of a file; one that is damaged or unreadable is an error that names it and gives the advice."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    except (OSError, ValueError, TypeError, EOFError, BadZipFile, zlib.error) as problem:
        raise BenchError(f"cannot read {path} ({problem}); {advice}") from problem
