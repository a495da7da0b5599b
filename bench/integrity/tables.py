"""Tables that are kept: they carry no digest, and have a form alone, but for those beside their measurement.

A table is a CSV in a folder ``tables``, or one beside its Markdown.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from bench.digests import DamagedFile, opened
from bench.integrity.checks import Finding, Verification, checked, is_hidden
from bench.report.beside import check_beside, measured_beside

DRAWN_AGAIN = "put a whole copy in its place, or draw it again from the runs (bench report)"
NOTHING = "nothing; verify the folder with the runs, from which bench report draws them again"


def verify_tables(results: Path, verification: Verification) -> None:
    """Check the form of every table under a folder, and add what is found."""
    for path in _tables(results):
        verification.files += 1
        verification.findings += checked(path, _remarks, DRAWN_AGAIN)


def verify_beside(results: Path, verification: Verification) -> None:
    """Hold every table to the measurement that lies beside it, unless that was found wrong; add what is found."""
    damaged = {finding.path for finding in verification.wrong}
    for path in _tables(results):
        measured = measured_beside(path)
        if measured and damaged.isdisjoint(measured):
            verification.files += 1
            verification.findings += checked(path, _held, DRAWN_AGAIN)


def _tables(results: Path) -> list[Path]:
    found = (path for ending in ("", ".gz", ".xz") for path in results.rglob(f"*.csv{ending}"))
    return sorted(path for path in found if not is_hidden(path, results) and path.is_file() and _is_table(path))


def _is_table(path: Path) -> bool:
    name = path.name.partition(".csv")[0]
    return path.resolve().parent.name == "tables" or path.with_name(f"{name}.md").is_file()


def _held(path: Path) -> Sequence[Finding]:
    """Check the form of a table, and its values against the measurement beside it."""
    _check_form(path)
    check_beside(path, pd.read_csv(path))
    return ()


def _remarks(path: Path) -> Iterator[Finding]:
    """Check the form of a table, and say that it is no more."""
    _check_form(path)
    yield Finding(path, "tables carry no digest: only their form is checked", NOTHING, wrong=False)


def _check_form(path: Path) -> None:
    """Read a table. Raises DamagedFile where it has not the form of one."""
    try:
        with opened(path) as file:
            text = file.read().decode()
        rows = list(csv.reader(text.splitlines(keepends=True), strict=True))
    except (ValueError, EOFError, csv.Error) as problem:
        raise DamagedFile(f"{path} is no table ({problem})") from problem
    if not rows or "\0" in text:
        raise DamagedFile(f"{path} is no table ({'it holds zeros' if rows else 'it is empty'})")
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(rows[0]):
            raise DamagedFile(f"{path} is damaged: {len(rows[0])} columns, and row {number} has {len(row)} cells")
    if not text.endswith("\n"):
        raise DamagedFile(f"{path} is damaged: its last row does not end")
