"""Exit tables on disk: every array of both halves in one ``.npz``."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import BenchError
from bench.retrieval.table import ExitTable, Outcomes, Signals
from bench.store import replacing


def save_table(table: ExitTable, path: Path) -> None:
    """Write a table."""
    arrays: dict[str, Any] = {"exits": np.array(table.exits)}
    for half, kind in (("signals", Signals), ("outcomes", Outcomes)):
        arrays |= {f"{half}.{name}": getattr(getattr(table, half), name) for name in _stored(kind)}
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_table(path: Path) -> ExitTable:
    """Read a table."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            parts = {name: stored[f"signals.{name}"] for name in _stored(Signals)}
            signals = Signals(**{**parts, "classes": int(parts["classes"])})
            outcomes = Outcomes(**{name: stored[f"outcomes.{name}"] for name in _stored(Outcomes)})
            return ExitTable(tuple(stored["exits"].tolist()), signals, outcomes)
    except (OSError, ValueError, KeyError) as problem:
        raise BenchError(f"cannot read the exit table {path} ({problem}); remove it to have it made again") from problem


def _stored(half: type[Signals] | type[Outcomes]) -> list[str]:
    """Name the fields that go into the file: features are large, and have a file of their own."""
    return [field.name for field in fields(half) if field.name != "features"]
