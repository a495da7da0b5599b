"""All records of all runs in one flat table, for plots and tests of one's own."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd

from bench.errors import BenchError
from bench.files import replacing
from bench.report.tables.table import csv_text
from bench.runs.load import Results

EVALUATION = ("ap", "signals")


def export_csv(found: Results) -> str:
    """Write a row for each record, with run, data, method, seed and evaluation, and nothing where it has no value."""
    runs = {run.identity: run for run in found.runs}
    table = found.table.copy()
    of_rows = [runs[identity] for identity in table["run"]]
    table["run"] = [run.key for run in of_rows]
    for place, name in enumerate(EVALUATION, list(table).index("seed") + 1):
        table.insert(place, name, pd.Series([str(run.evaluation[name]) for run in of_rows], index=table.index))
    return csv_text(table)


def write_export(text: str, out: Path) -> None:
    """Put the text into a file, compressed where its name ends with ``.gz``; the same text gives the same bytes."""
    data = text.encode()
    try:
        with replacing(out) as unfinished:
            unfinished.write_bytes(gzip.compress(data, mtime=0) if out.suffix == ".gz" else data)
    except OSError as problem:
        raise BenchError(f"cannot write {out}: {problem.strerror or problem}; choose another file") from problem
