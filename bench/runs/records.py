"""Records files: a header line with spec and provenance, then a line a record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.files import replacing
from bench.runs.upgrade import upgrade_header, upgrade_record
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


def learned_from(headers: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Gather what policies learned from, by their names, out of headers of one run's sweeps, the newest sweep first.

    The newest that has a policy tells of it: a later sweep of fewer policies knows nothing of the others.
    """
    told: dict[str, Mapping[str, Any]] = {}
    for header in headers:
        told = {**(header.get("learned") or {}), **told}
    return told


def read_records(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Read a sweep back: its header and its records."""
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    except (OSError, ValueError) as problem:
        raise BenchError(f"cannot read {path}: {problem}; remove it and run the sweep again") from problem
    if not lines or lines[0].get("type") != "header":
        raise BenchError(f"{path} has no header: it is no records file of this suite; remove it")
    schema = lines[0]["schema"]
    if schema not in READABLE:
        raise BenchError(f"{path} is of schema {schema}, this suite reads {RECORDS_SCHEMA} and older; run it again")
    return upgrade_header(lines[0]), [upgrade_record(line, schema) for line in lines[1:]]
