"""Records files: a header line with spec and provenance, a line a record, and a last line with count and digest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.digests import FIELD, DamagedFile, opened, stamp, verify
from bench.errors import BenchError
from bench.files import DIGEST, replacing
from bench.runs.upgrade import MACS, upgrade_header, upgrade_record, with_hull
from bench.spec import digest

RECORDS_SCHEMA = 4
"""Raised when names in records or the form of the file change; :mod:`bench.runs.upgrade` reads the older ones."""
READABLE = (1, 2, 3, 4)
ENDED = 3
"""From this schema on, the last line holds the number of records and a digest of the file."""
PATTERNS = ("records-*.jsonl", "records-*.jsonl.gz", "records-*.jsonl.xz")
"""Names of records files, as they are written and as they may be kept."""
AGAIN = "remove it and run the sweep again"


def write_records(path: Path, header: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> None:
    """Write a sweep. Raises ValueError where the header has no provenance, OSError where the file cannot be written."""
    if not header.get("provenance"):
        raise ValueError("records without provenance are not written")
    first = {"type": "header", "schema": RECORDS_SCHEMA, **header}
    last = {"type": "end", "records": len(records), DIGEST: FIELD}
    with replacing(path) as beside:
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            for line in (first, *records, last):
                file.write(json.dumps(line, sort_keys=True, allow_nan=False) + "\n")
        stamp(beside)


def evaluation_key(header: Mapping[str, Any]) -> str:
    """Give the key of the evaluation in a header, by which exit tables and fitted policies are named.

    Older headers do not hold it: there the key is the digest of all values, defaults included.
    """
    return str(header.get("evaluation_key") or digest(header["evaluation"]))


def cost_of(header: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the cost in a header; multiply-adds of the network where it names none."""
    return header.get("cost") or MACS


def learned_from(headers: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Gather what policies learned from, by their names, out of headers of one run's sweeps, the newest sweep first.

    The newest sweep with a policy counts: a later sweep of fewer policies says nothing on the others.
    """
    learned: dict[str, Mapping[str, Any]] = {}
    for header in headers:
        learned = {**(header.get("learned") or {}), **learned}
    return learned


def records_under(folder: Path, folders: str = "") -> list[Path]:
    """Find the records files in a folder, or in all of its folders that the pattern ``folders`` fits, by name."""
    return sorted(path for name in PATTERNS for path in folder.glob(f"{folders}/{name}" if folders else name))


def read_header(path: Path) -> dict[str, Any]:
    """Read the header of a sweep alone, its digest unseen.

    Raises DamagedFile where it is none, and BenchError where its schema is newer than this suite.
    """
    try:
        with opened(path) as file:
            return _header(path, file.readline().decode())
    except (OSError, ValueError, RecursionError) as problem:
        raise DamagedFile(f"cannot read {path}: {problem}; {AGAIN}") from problem


def read_records(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read a sweep back: its header and its records.

    Raises DamagedFile where the file is cut short, not what was written or no sweep of this suite, and BenchError
    where its schema is newer than this suite.
    """
    try:
        verify(path)
        with opened(path) as file:
            header = _header(path, file.readline().decode())
            rest = file.read().decode().removesuffix("\n")
            # All lines in one call: names of fields, the same in every line, are read once and held once.
            lines = json.loads(f"[{rest.replace(chr(10), ',')}]")
    except (OSError, ValueError, RecursionError, DamagedFile) as problem:
        raise DamagedFile(f"cannot read {path}: {problem}; {AGAIN}") from problem
    if not all(isinstance(line, dict) for line in lines):
        raise DamagedFile(f"{path} is damaged: a record is no object; {AGAIN}")
    if header["schema"] >= ENDED:
        end = lines.pop() if lines else {}
        if end.get("type") != "end" or end.get("records") != len(lines):
            raise DamagedFile(f"{path} is cut short: its last line does not count {len(lines)} records; {AGAIN}")
    if header["schema"] == 1:
        lines = [upgrade_record(line, 1) for line in lines]
    header = upgrade_header(header)
    return header, with_hull(header, lines)


def _header(path: Path, line: str) -> dict[str, Any]:
    header = json.loads(line) if line else None
    if not isinstance(header, dict) or header.get("type") != "header":
        raise DamagedFile(f"{path} has no header: it is no records file of this suite; remove it")
    if header.get("schema") not in READABLE:
        raise BenchError(
            f"{path} is of schema {header.get('schema')}, this suite reads {RECORDS_SCHEMA} and older; run it again"
        )
    return header
