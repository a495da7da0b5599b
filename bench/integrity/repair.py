"""Damaged files that are made again, and files that killed processes left: out of the way."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import nullcontext, suppress
from pathlib import Path

from bench.errors import BenchError
from bench.integrity.checks import Finding
from bench.integrity.unfinished import TEMPORARY, is_abandoned
from bench.runs.folder import RunFolder


def repair(findings: Iterable[Finding]) -> tuple[list[Path], list[str]]:
    """Remove what the findings say can go; gives what was removed, and remarks on what was left.

    A run's folder is held meanwhile: one that another process works on is left alone, and temporary files in one that
    no process works on are removed whatever their age. Elsewhere they must be an hour old.
    """
    removed: list[Path] = []
    remarks: list[str] = []
    for finding in findings:
        for path in finding.removable:
            in_run = path.parent.parent.parent.name == "runs"
            if not in_run and TEMPORARY.fullmatch(path.name) and not (path.exists() and is_abandoned(path)):
                remarks.append(f"left: {path} is younger than an hour, a process may be at work on it")
                continue
            if not path.exists():
                continue
            try:
                # Holding a folder clears the temporary files in it.
                with RunFolder(path.parent).alone() if in_run else nullcontext(), suppress(FileNotFoundError):
                    _remove(path)
                removed.append(path)
            except (OSError, BenchError) as problem:
                remarks.append(f"left: {path} ({problem})")
    return removed, remarks


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
