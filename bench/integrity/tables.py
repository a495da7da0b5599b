"""Tables that are kept without the runs that they were drawn from: they carry no digest, and have a form alone.

A table is a CSV in a folder ``tables``, or one beside its Markdown.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from bench.digests import DamagedFile, opened
from bench.integrity.checks import Finding, Verification, checked, is_hidden

DRAWN_AGAIN = "put a whole copy in its place, or draw it again from the runs (bench report)"
NOTHING = "nothing; verify the folder with the runs, from which bench report draws them again"


def verify_tables(results: Path, verification: Verification) -> None:
    """Check the form of every table under a folder, and add what is found."""
    for path in sorted(path for ending in ("", ".gz", ".xz") for path in results.rglob(f"*.csv{ending}")):
        if not is_hidden(path, results) and path.is_file() and _is_table(path):
            verification.files += 1
            verification.findings += checked(path, _remarks, DRAWN_AGAIN)


def _is_table(path: Path) -> bool:
    name = path.name.partition(".csv")[0]
    return path.resolve().parent.name == "tables" or path.with_name(f"{name}.md").is_file()


def _remarks(path: Path) -> Iterator[Finding]:
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
    yield Finding(path, "tables carry no digest: only their form is checked", NOTHING, wrong=False)
