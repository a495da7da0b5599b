"""Exit tables on disk: every array of both halves in one ``.npz``."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import BenchError
from bench.files import AGAIN, read_arrays, replacing
from bench.retrieval.table import ExitTable, Outcomes, Signals


def save_table(table: ExitTable, path: Path) -> None:
    """Write a table."""
    arrays: dict[str, Any] = {"exits": np.array(table.exits)}
    for half, kind in (("signals", Signals), ("outcomes", Outcomes)):
        arrays |= {f"{half}.{name}": getattr(getattr(table, half), name) for name in _stored(kind)}
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_table(path: Path) -> ExitTable:
    """Read a table."""
    stored = read_arrays(path)
    try:
        parts: dict[str, Any] = {name: stored[f"signals.{name}"] for name in _stored(Signals)}
        signals = Signals(**{**parts, "classes": int(parts["classes"])})
        outcomes = Outcomes(**{name: stored[f"outcomes.{name}"] for name in _stored(Outcomes)})
        return ExitTable(tuple(stored["exits"].tolist()), signals, outcomes)
    except (ValueError, KeyError) as problem:
        raise BenchError(f"{path} is no exit table of this suite ({problem}); {AGAIN}") from problem


def _stored(half: type[Signals] | type[Outcomes]) -> list[str]:
    """Name the fields that go into the file: features are large, and have a file of their own."""
    return [field.name for field in fields(half) if field.name != "features"]
