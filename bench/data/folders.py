"""Finding a set: in the folder that the user names, or below it under one of the set's usual names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.errors import BenchError

NAMES_SHOWN = 8
"""Entries of a folder that a message lists at most."""


def find_dataset(folder: Path, usual_names: Sequence[str], parts: Sequence[str], hint: str = "") -> Path:
    """Folder that holds the folders ``parts``: ``folder`` itself, or up to two levels of usual names below it.

    Raises :class:`BenchError` where parts are missing; ``hint`` ends its message and says where they come from.
    """
    # The candidate with the most parts, and the nearest of equals: the message then names an incomplete copy.
    best = max(
        candidate_folders(folder, usual_names, parts),
        key=lambda candidate: sum((candidate / part).is_dir() for part in parts),
    )
    missing = [part for part in parts if not (best / part).is_dir()]
    if missing:
        raise BenchError(f"{best}: expected the folder {' and '.join(missing)}, found {contents(best)}{hint}")
    return best


def candidate_folders(folder: Path, usual_names: Sequence[str], parts: Sequence[str]) -> list[Path]:
    """``folder``, and folders of a usual name (in any case) up to two levels below it; the nearest come first.

    Raises :class:`BenchError` where ``folder`` is none; the message says that it should hold ``parts``.
    """
    if not folder.is_dir():
        kind = "a file, not a folder" if folder.exists() else "no such folder"
        raise BenchError(f"{folder}: {kind}; give the folder that holds {', '.join(parts)}")
    below = _usually_named(folder, usual_names)
    return [folder, *below, *(nested for child in below for nested in _usually_named(child, usual_names))]


def contents(folder: Path) -> str:
    """First few entries of a folder, for a message."""
    names = sorted(entry.name + "/" * entry.is_dir() for entry in folder.iterdir() if not entry.name.startswith("."))
    shown = ", ".join(names[:NAMES_SHOWN])
    return (shown + f" and {len(names) - NAMES_SHOWN} more" * (len(names) > NAMES_SHOWN)) or "an empty folder"


def require_files(paths: Iterable[Path], source: Path) -> None:
    """Raise :class:`BenchError` for the first of ``paths`` that is missing; ``source`` is the list that names them.

    Each folder is listed once: for a million images this is much faster than a check of every file.
    """
    listed: dict[Path, frozenset[str]] = {}
    for path in paths:
        parent = path.parent
        if parent not in listed:
            names = (entry.name for entry in parent.iterdir()) if parent.is_dir() else ()
            listed[parent] = frozenset(names)
        if path.name not in listed[parent]:
            raise BenchError(f"{path}: no such file, though {source} names it; complete the copy of the set")


def _usually_named(folder: Path, usual_names: Sequence[str]) -> list[Path]:
    by_name = {entry.name.lower(): entry for entry in sorted(folder.iterdir()) if entry.is_dir()}
    lowered = dict.fromkeys(name.lower() for name in usual_names)
    return [by_name[name] for name in lowered if name in by_name]
