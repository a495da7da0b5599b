"""Records of a setup as tables ask for them: by run and kind, with what each row of a CSV is about."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.findings.table import Record
from bench.retrieval.table import FloatArray
from bench.runs.finished import Run
from bench.runs.frames import Frames, indices_by, numbers_of, records_of_kind

ABOUT = ("dataset", "rendered", "ap", "cost", "cost_unit", "method", "preset", "setup", "seed", "run")
"""Columns that say what a row is about; only the CSV has them all."""
ENDS = ("", "_low", "_high")
"""A value, and the ends of its interval."""


def records_of(setup: Setup, run: Run, kind: str) -> list[Record]:
    """List the records of one kind of one run of a setup, exits in their order."""
    records = records_of_kind(_frames_of(setup, run), kind)
    return sorted(records, key=lambda record: record["exit"]) if kind == "exit" else records


def each_record(section: Section, kind: str) -> Iterator[tuple[Setup, Run, Record]]:
    """Go through all records of one kind, setup by setup and run by run."""
    for setup in section.setups:
        for run in setup.runs:
            for record in records_of(setup, run, kind):
                yield setup, run, record


@dataclass(frozen=True)
class RunRows:
    """Records of one kind of one run, of which only the columns that are asked for are read."""

    frames: Frames
    kind: str

    def values(self, columns: Sequence[str]) -> FloatArray:
        """Give columns as numbers, (rows, columns), exits in their order; NaN where there are none."""
        read = numbers_of(self.frames, self.kind, [*columns, "exit"])
        if self.kind == "exit":
            read = read[np.argsort(read[:, -1], kind="stable")]
        return np.asarray(read[:, :-1])

    def policies(self) -> Mapping[tuple[str, str], NDArray[np.intp]]:
        """Find the rows of each policy and thresholding, in that order."""
        return indices_by(self.frames, self.kind)

    def of_policy(self, policy: str, thresholding: str) -> NDArray[np.intp]:
        """Find the rows of a policy in a thresholding."""
        return self.policies().get((policy, thresholding), np.empty(0, dtype=np.intp))


def each_run_of(setup: Setup, kind: str) -> Iterator[RunRows]:
    """Go through the runs of a setup, with the records of one kind."""
    return (RunRows(frames, kind) for frames in setup.frames)


def _frames_of(setup: Setup, run: Run) -> Frames:
    return next(frames for one, frames in zip(setup.runs, setup.frames, strict=True) if one is run)


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
