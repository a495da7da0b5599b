"""Records files: a header line with spec and provenance, then a line a record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.files import replacing
from bench.runs.upgrade import MACS, upgrade_header, upgrade_record
from bench.spec import digest

RECORDS_SCHEMA = 2
"""Raised when names in records change; :mod:`bench.runs.upgrade` reads the older ones."""
READABLE = (1, 2)


def write_records(path: Path, header: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> None:
    """Write a sweep: a header line with spec and provenance, then a line a record. Provenance must be there."""
    if not header.get("provenance"):
        raise ValueError("records without provenance are not written")
    with replacing(path) as beside, beside.open("w", encoding="utf-8") as file:
        for line in ({"type": "header", "schema": RECORDS_SCHEMA, **header}, *records):
            file.write(json.dumps(line, sort_keys=True, allow_nan=False) + "\n")


def evaluation_key(header: Mapping[str, Any]) -> str:
    """Give the key of the evaluation that a header tells of, by which exit tables and fitted policies are named.

    Headers of before they said it were keyed by all values, defaults too.
    """
    return str(header.get("evaluation_key") or digest(header["evaluation"]))


def cost_of(header: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the cost that a header tells of: multiply-adds of the network where it does not say."""
    return header.get("cost") or MACS


def learned_from(headers: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Gather what policies learned from, by their names, out of headers of one run's sweeps, the newest sweep first.

    The newest that has a policy tells of it: a later sweep of fewer policies knows nothing of the others.
    """
    told: dict[str, Mapping[str, Any]] = {}
    for header in headers:
        told = {**(header.get("learned") or {}), **told}
    return told


def read_header(path: Path) -> dict[str, Any]:
    """Read the header of a sweep alone. Raises BenchError where it is none, or of a schema that is not read."""
    try:
        with path.open(encoding="utf-8") as file:
            return _header(path, file.readline())
    except (OSError, ValueError) as problem:
        raise BenchError(f"cannot read {path}: {problem}; remove it and run the sweep again") from problem


def read_records(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read a sweep back: its header and its records.

    Raises BenchError where the file is damaged, cut short or no sweep of this suite.
    """
    try:
        with path.open(encoding="utf-8") as file:
            header = _header(path, file.readline())
            records = [upgrade_record(json.loads(line), header["schema"]) for line in file]
    except (OSError, ValueError, AttributeError) as problem:
        raise BenchError(f"cannot read {path}: {problem}; remove it and run the sweep again") from problem
    return upgrade_header(header), records


def _header(path: Path, line: str) -> dict[str, Any]:
    header = json.loads(line) if line else None
    if not isinstance(header, dict) or header.get("type") != "header":
        raise BenchError(f"{path} has no header: it is no records file of this suite; remove it")
    if header.get("schema") not in READABLE:
        raise BenchError(
            f"{path} is of schema {header.get('schema')}, this suite reads {RECORDS_SCHEMA} and older; run it again"
        )
    return header
