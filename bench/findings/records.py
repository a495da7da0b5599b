"""Records of a setup as tables ask for them, with what each row of a CSV is about."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.findings.table import Record
from bench.runs.finished import Run

ABOUT = ("dataset", "rendered", "ap", "cost", "cost_unit", "method", "preset", "setup", "seed", "run")
"""Columns that say what a row is about; only the CSV has them all."""
ENDS = ("", "_low", "_high")
"""A value, and the ends of its interval."""


def each_record(section: Section, kind: str) -> Iterator[tuple[Setup, Run, Record]]:
    """Go through all records of one kind, setup by setup and run by run."""
    for setup in section.setups:
        for run in setup.runs:
            for record in run.frames.records(kind):
                yield setup, run, record


def with_ends(*names: str) -> list[str]:
    """Name values, each with the ends of its interval."""
    return [f"{name}{end}" for name in names for end in ENDS]


def taken(record: Mapping[Any, Any], names: Iterable[str]) -> dict[str, Any]:
    """Take values out of a record, NaN where it has none."""
    return {name: record.get(name, math.nan) for name in names}


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
