"""Records of a setup as tables ask for them: by run and kind, with what each row of a CSV is about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import pandas as pd

from bench.report.sections import Section, Setup
from bench.report.tables.table import Record
from bench.runs.load import Run

ABOUT = ("dataset", "rendered", "ap", "cost", "cost_unit", "method", "preset", "setup", "seed", "run")
"""Columns that say what a row is about; only the CSV has them all."""
_RECORDS: WeakKeyDictionary[Setup, dict[tuple[str, str], list[Record]]] = WeakKeyDictionary()
"""Records of the setups that tables were made of, by run and kind."""


def records_of(setup: Setup, run: Run, kind: str) -> list[Record]:
    """List the records of one kind of one run of a setup, exits in their order."""
    if setup not in _RECORDS:
        groups = setup.table.groupby(["run", "kind"], sort=False)
        _RECORDS[setup] = {(str(key[0]), str(key[1])): rows.to_dict("records") for key, rows in groups}
    records = _RECORDS[setup].get((run.identity, kind), [])
    return sorted(records, key=lambda record: record["exit"]) if kind == "exit" else list(records)


def each_record(section: Section, kind: str) -> Iterator[tuple[Setup, Run, Record]]:
    """Go through all records of one kind, setup by setup and run by run."""
    for setup in section.setups:
        for run in setup.runs:
            for record in records_of(setup, run, kind):
                yield setup, run, record


def each_sweep(section: Section) -> Iterator[tuple[Setup, Run, str, str, list[Record]]]:
    """Go through all sweeps: thresholding, policy, and the records from the lowest budget on."""
    for setup in section.setups:
        for run in setup.runs:
            swept: dict[tuple[str, str], list[Record]] = {}
            for record in sorted(records_of(setup, run, "policy"), key=lambda record: record["a"]):
                swept.setdefault((record["thresholding"], record["policy"]), []).append(record)
            for thresholding in setup.thresholdings():
                for policy in setup.policies(thresholding):
                    if (thresholding, policy) in swept:
                        yield setup, run, thresholding, policy, swept[thresholding, policy]


def rows_of(setup: Setup, run: Run) -> pd.DataFrame:
    """Records of one run of a setup."""
    return setup.table[setup.table["run"] == run.identity]


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
