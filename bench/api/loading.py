"""Finished runs of a results folder, read back."""

from __future__ import annotations

import os

import pandas as pd

from bench.api import arguments
from bench.api.results import LoadedRuns, ScoredRun
from bench.runs.folder import RunFolder
from bench.runs.load import each_run, newest_rows


def load_runs(results: str | os.PathLike[str] = "results") -> LoadedRuns:
    """Read all runs of a results folder; of several sweeps of one run, the newest wins where they overlap.

    Nothing is written, and no lock is needed. Raises BenchError where there are no records that can be used.
    """
    where = arguments.path("results", results)
    remarks: list[str] = []
    runs, tables = [], []
    for run in each_run(where, remarks):
        rows = pd.DataFrame(newest_rows(run))
        folder = RunFolder((where / run.files[0].place).parent)
        tables.append(rows.assign(run=run.key))
        about = ["run", "dataset", "method", "preset", "seed"]
        runs.append(ScoredRun(rows.drop(columns=about), folder.path, run.shown.header))
    return LoadedRuns(tuple(runs), pd.concat(tables, ignore_index=True), tuple(sorted(remarks)))
