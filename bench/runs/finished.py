"""One model of finished runs: an exit, a records file, a run, all runs of a results folder.

A :class:`RecordsFile` is one sweep. A :class:`Run` is one trained network under one evaluation, with all of its sweeps.
:mod:`bench.runs.load` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from bench.runs.frames import Frames
from bench.runs.records import cost_of, evaluation_key, learned_from
from bench.runs.rows import Alike, laid_flat

NO_LOSSES = ("epoch", "learning_rate", "seconds")
"""What training notes of an epoch beside its losses."""


@dataclass(frozen=True)
class Exit:
    """One exit as the records' header states it: ``code`` is binary or continuous, ``length`` in bits or numbers."""

    name: str
    code: str
    length: int


@dataclass(frozen=True)
class RecordsFile:
    """One records file: its place under the results folder, its header, and its records.

    Where tables of its run hold the records, ``records`` is empty.
    """

    place: str
    header: Mapping[str, Any]
    records: tuple[Mapping[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.place.rpartition("/")[2]

    @property
    def age(self) -> tuple[str, str]:
        """Order files from old to new: the date (UTC, ISO) of the sweep, then the name."""
        return str(self.header["provenance"].get("at", "")), self.place

    @property
    def exits(self) -> tuple[Exit, ...]:
        """The exits, first to last."""
        return tuple(Exit(str(part["name"]), str(part["code"]), int(part["dim"])) for part in self.header["exits"])

    @property
    def swept(self) -> bool:
        """Whether there are points of policies."""
        return any(record["kind"] == "policy" for record in self.records)

    def policy_version(self, policy: str) -> int:
        """Version of a policy that this file records; files of before policies had versions record the first."""
        return int((self.header.get("policy_versions") or {}).get(policy, 1))

    @cached_property
    def alike(self) -> list[Alike]:
        """The records laid flat, those with the same fields together."""
        return laid_flat(self.records, [exit_.name for exit_ in self.exits])


@dataclass(frozen=True)
class Run:
    """One trained network under one evaluation and cost, with every records file that tells of it, the newest first."""

    identity: str
    """Run key, evaluation and cost in one: what the rows of the table name."""
    files: tuple[RecordsFile, ...]
    frames: Frames = field(default_factory=Frames, compare=False)
    """The records of all sweeps as tables, where these hold them: the newest of each."""

    @property
    def header(self) -> Mapping[str, Any]:
        """The newest header."""
        return self.files[0].header

    @property
    def key(self) -> str:
        """Key of the run: the hash of its spec."""
        return str(self.header["run"])

    @property
    def spec(self) -> Mapping[str, Any]:
        """What identifies the training run."""
        return self.header["spec"]

    @property
    def seed(self) -> int:
        """Seed of the training run."""
        return int(self.spec["seed"])

    @property
    def evaluation(self) -> Mapping[str, Any]:
        """AP variant, the gallery that decisions look at, views of the images."""
        return self.header["evaluation"]

    @property
    def cost(self) -> Mapping[str, Any]:
        """What budgets are in: name and unit, and what was measured where."""
        return cost_of(self.header)

    @property
    def evaluation_key(self) -> str:
        """What exit tables and fitted policies are named by."""
        return evaluation_key(self.header)

    @property
    def exits(self) -> tuple[Exit, ...]:
        """The exits, first to last."""
        return self.files[0].exits

    @property
    def learned(self) -> dict[str, Mapping[str, Any]]:
        """What policies learned from, by their names."""
        return learned_from(file.header for file in self.files)

    def policy_version(self, policy: str) -> int:
        """Latest version of a policy among the files; what earlier ones recorded of it counts no more."""
        return max(file.policy_version(policy) for file in self.files)

    def in_frames(self, frames: Frames) -> Run:
        """Give the run with its records in tables, and no longer in files, which still tell where they are from."""
        return Run(self.identity, tuple(replace(file, records=()) for file in self.files), frames)

    @property
    def history(self) -> Sequence[Mapping[str, Any]]:
        """What training noted after every epoch; empty where it noted nothing."""
        return (self.header.get("training") or {}).get("history") or ()

    @property
    def shown(self) -> RecordsFile:
        """The newest sweep, or else the newest records of the exits alone."""
        return next((file for file in self.files if file.swept), self.files[0])


@dataclass(frozen=True, eq=False)
class Results:
    """All runs with their records in tables, and remarks on what was passed over."""

    runs: tuple[Run, ...]
    remarks: tuple[str, ...]
