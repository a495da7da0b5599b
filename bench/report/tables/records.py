"""Records of a setup as tables ask for them: by run and kind, with what each row of a CSV is about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from bench.report.sections import Section
from bench.report.setups import Setup
from bench.report.tables.table import Record
from bench.runs.load import Run

ABOUT = ("dataset", "rendered", "ap", "cost", "cost_unit", "method", "preset", "setup", "seed", "run")
"""Columns that say what a row is about; only the CSV has them all."""


def records_of(setup: Setup, run: Run, kind: str) -> list[Record]:
    """List the records of one kind of one run of a setup, exits in their order."""
    records = rows_of(setup, run, kind).to_dict("records")
    return sorted(records, key=lambda record: record["exit"]) if kind == "exit" else records


def each_record(section: Section, kind: str) -> Iterator[tuple[Setup, Run, Record]]:
    """Go through all records of one kind, setup by setup and run by run."""
    for setup in section.setups:
        for run in setup.runs:
            for record in records_of(setup, run, kind):
                yield setup, run, record


def each_sweep(section: Section) -> Iterator[tuple[Setup, Run, str, str, pd.DataFrame]]:
    """Go through all sweeps: thresholding, policy, and the records from the lowest budget on, a row each."""
    for setup in section.setups:
        for run in setup.runs:
            rows = rows_of(setup, run, "policy")
            indices = rows.groupby(["thresholding", "policy"]).indices if len(rows) else {}
            for thresholding in setup.thresholdings():
                for policy in setup.policies(thresholding):
                    if (thresholding, policy) in indices:
                        swept = rows.iloc[indices[thresholding, policy]]
                        yield setup, run, thresholding, policy, swept.sort_values("a", kind="stable")


def rows_of(setup: Setup, run: Run, kind: str) -> pd.DataFrame:
    """Records of one kind of one run of a setup, a row each; without columns where there are none."""
    frames = next(frames for one, frames in zip(setup.runs, setup.frames, strict=True) if one is run)
    return frames.get(kind, pd.DataFrame())


def about_setup(section: Section, setup: Setup) -> dict[str, Any]:
    """Say what a row of a CSV on all runs of a setup is about: as :data:`ABOUT`, with all seeds and keys."""
    first = about(section, setup, setup.runs[0])
    seeds, keys = (
        " ".join(map(str, values)) for values in zip(*((run.seed, run.key) for run in setup.runs), strict=True)
    )
    return {**first, "seed": seeds, "run": keys}


def about(section: Section, setup: Setup, run: Run) -> dict[str, Any]:
    """Say what a row of a CSV is about: :data:`ABOUT` and its values."""
    data = (section.dataset, section.rendered, section.evaluation["ap"], section.cost.name, section.cost.unit)
    return dict(
        zip(ABOUT, (*data, run.spec["method"], run.spec["preset"], setup.label, run.seed, run.key), strict=True)
    )
