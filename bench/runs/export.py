"""All records of all runs in one flat table, for plots and tests of one's own."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

from bench.digests import without_digest
from bench.errors import BenchError
from bench.files import replacing, writing
from bench.inert import csv_cell
from bench.runs.finished import Run
from bench.runs.load import each_run, newest_rows

EVALUATION = ("ap", "signals", "views")
COST = ("name", "version", "unit", "machine", "backend", "batch", "measured_at")
"""What is told of the cost that budgets are in: a run may have been swept over several."""
BEGIN, GZIP = b"run,dataset,", b"\x1f\x8b"
"""How an export begins, and a compressed file."""


@dataclass(frozen=True)
class Exported:
    """What was written: how many records of how many runs, and remarks on what was passed over."""

    records: int
    runs: int
    remarks: tuple[str, ...]


def export_csv(results: Path, out: TextIO) -> Exported:
    """Write a row for each record, with run, data, method, seed, evaluation and the cost that its budgets are in.

    There is nothing where a record has no value.

    The runs are read twice, for the columns and for the rows, and one at a time: a results folder may be larger than
    the memory. Raises BenchError where there are no records.
    """
    remarks: list[str] = []
    columns: dict[str, None] = {}
    places: list[Path] = []
    for run in each_run(results, remarks):
        places += [results / file.place for file in run.files]
        for row in _rows(run):
            columns |= dict.fromkeys(row)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(map(csv_cell, columns))
    records = runs = 0
    for run in each_run(results, []):
        runs += 1
        for row in _rows(run):
            writer.writerow([_cell(row.get(name, "")) for name in columns])
            records += 1
    return Exported(records, runs, (*sorted(remarks), *filter(None, [without_digest(places)])))


def write_export(results: Path, path: Path) -> Exported:
    """Write :func:`export_csv` into a file, compressed where its name ends with ``.gz``; same records, same bytes.

    Raises BenchError where there are no records, where the file cannot be written, and where one is there that is no
    export: a name that was mistyped must not cost what it is the name of.
    """
    with writing(path, "choose another file"):
        if path.is_file() and not _is_export(path):
            raise BenchError(f"{path} is there and is no export of this suite: remove it, or choose another file")
        with replacing(path) as beside, ExitStack() as stack:
            file = stack.enter_context(beside.open("wb"))
            # Neither a name nor a time: the same records give the same bytes.
            packed = gzip.GzipFile("", "wb", fileobj=file, mtime=0) if path.suffix == ".gz" else None
            binary = stack.enter_context(packed) if packed else file
            text = stack.enter_context(TextIOWrapper(binary, encoding="utf-8", newline=""))
            return export_csv(results, text)


def _is_export(path: Path) -> bool:
    """Whether a file begins as an export does; an empty one may be replaced as well."""
    with path.open("rb") as file:
        begin = file.read(2)
    try:
        with gzip.open(path) if begin == GZIP else path.open("rb") as opened:
            begin = opened.read(len(BEGIN))
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return False
    return begin in (b"", BEGIN)


def _cell(value: Any) -> Any:
    # Values that are not numbers are not equal to themselves.
    if isinstance(value, float):
        return value if value == value else ""
    return _text_cell(value) if isinstance(value, str) else value


_text_cell = lru_cache(maxsize=4096)(csv_cell)
"""The same few names stand in every row."""


def _rows(run: Run) -> Iterator[Mapping[str, Any]]:
    evaluation = {name: str(run.evaluation.get(name, "")) for name in EVALUATION}
    # What is not said of a cost's version is of the first.
    told = {"version": 1, **run.cost}
    cost = {"cost" if name == "name" else f"cost_{name}": told.get(name, "") for name in COST}
    for row in newest_rows(run):
        about = {name: row.pop(name) for name in ("run", "dataset", "method", "preset", "seed")}
        yield {**about, "run": run.key, **evaluation, **cost, **row}
