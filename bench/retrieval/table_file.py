"""Exit tables on disk: every array of both halves in one ``.npz``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.digests import DamagedFile
from bench.files import AGAIN, read_arrays, write_arrays
from bench.retrieval.table import ExitTable, Outcomes, Signals


def save_table(table: ExitTable, path: Path, source: str = "") -> None:
    """Write a table, with the digest of what it follows from (``source``). Raises OSError where that fails."""
    arrays: dict[str, Any] = {"exits": np.array(table.exits)}
    for half, kind in (("signals", Signals), ("outcomes", Outcomes)):
        arrays |= {f"{half}.{name}": getattr(getattr(table, half), name) for name in _stored(kind)}
    write_arrays(path, arrays, compressed=True, source=source)


def load_table(path: Path) -> ExitTable:
    """Read a table. Raises DamagedFile where it is not what was written, or no exit table of this suite."""
    stored = read_arrays(path)
    try:
        parts: dict[str, Any] = {name: stored[f"signals.{name}"] for name in _stored(Signals)}
        signals = Signals(**{**parts, "classes": int(parts["classes"])})
        outcomes = Outcomes(**{name: stored[f"outcomes.{name}"] for name in _stored(Outcomes)})
        exits = tuple(stored["exits"].tolist())
        _check_shapes(stored, len(exits))
        return ExitTable(exits, signals, outcomes)
    except (ValueError, KeyError, TypeError) as problem:
        raise DamagedFile(f"{path} is no exit table of this suite ({problem}); {AGAIN}") from problem


def _check_shapes(stored: Mapping[str, NDArray[Any]], exits: int) -> None:
    """Refuse arrays that are not of the same queries and exits."""
    queries = len(stored["outcomes.query_pids"])
    leading: dict[str, tuple[int, ...]] = {
        "exits": (exits,),
        "signals.dims": (exits,),
        "signals.classes": (),
        "signals.query_camids": (queries,),
        "outcomes.query_pids": (queries,),
    }
    for name, values in stored.items():
        expected = leading.get(name, (queries, exits))
        if values.shape[: len(expected)] != expected:
            raise ValueError(f"{name} is of shape {values.shape}, not of {queries} queries and {exits} exits")


def _stored(half: type[Signals] | type[Outcomes]) -> list[str]:
    """Name the fields that go into the file: features are large, and have a file of their own."""
    return [field.name for field in fields(half) if field.name != "features"]
