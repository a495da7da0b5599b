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
        arrays |= {f"{half}.{field.name}": getattr(getattr(table, half), field.name) for field in fields(kind)}
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_table(path: Path) -> ExitTable:
    """Read a table."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            parts = {field.name: stored[f"signals.{field.name}"] for field in fields(Signals)}
            signals = Signals(**{**parts, "classes": int(parts["classes"])})
            outcomes = Outcomes(**{field.name: stored[f"outcomes.{field.name}"] for field in fields(Outcomes)})
            return ExitTable(tuple(stored["exits"].tolist()), signals, outcomes)
    except (OSError, ValueError, KeyError) as problem:
        raise BenchError(f"cannot read the exit table {path} ({problem}); remove it to have it made again") from problem
