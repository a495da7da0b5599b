"""What the functions of the Python API give: records as DataFrames, with where they are kept and what they are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench.errors import unknown_name
from bench.files import check_source
from bench.retrieval.table import ExitTable
from bench.retrieval.table_file import load_table
from bench.runs.folder import RunFolder
from bench.runs.records import cost_of, evaluation_key
from bench.runs.rows import flat_rows

LABELS = ("kind", "policy", "thresholding", "exit_name", "other", "threshold_from", "people")
"""Columns of texts: left out of a part where all of it is empty."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Records as one DataFrame, a row each; the properties give one kind of them, without empty columns.

    Metrics are shares from 0 to 1, each with ``_low`` and ``_high``, the ends of its 95 % interval.
    """

    records: pd.DataFrame

    @property
    def exits(self) -> pd.DataFrame:
        """A row an exit, everybody leaving there; indexed by the exits' names."""
        return self._of("exit").set_index("exit_name")

    @property
    def points(self) -> pd.DataFrame:
        """A row a budget, for each policy and thresholding."""
        return self._of("policy")

    @property
    def curves(self) -> pd.DataFrame:
        """A row for each policy and thresholding: what it makes of all budgets together."""
        return self._of("curve")

    @property
    def comparisons(self) -> pd.DataFrame:
        """A row for every two policies of a thresholding: the paired, tested difference of their areas."""
        return self._of("comparison")

    @property
    def decisions(self) -> pd.DataFrame:
        """A row a policy: precision and recall of leaving at the first exit; needs held-out identities."""
        return self._of("outcome")

    @property
    def confidences(self) -> pd.DataFrame:
        """A row for each policy and exit: AUC of its confidence, on test and on held-out people."""
        return self._of("auc")

    @property
    def verification(self) -> pd.DataFrame:
        """A row an exit, same person or not: ROC area, equal error rate, thresholds; indexed by the exits' names."""
        return self._of("verification").set_index("exit_name")

    def roc(self, exit_name: str) -> pd.DataFrame:
        """ROC curve of one exit: true against false accept rate, and the distance of each point.

        Raises :class:`~bench.errors.BenchError` for an exit that has none.
        """
        return self._part(self._of("roc"), "exit_name", exit_name, "exit with a ROC curve").reset_index(drop=True)

    def curve(self, policy: str, thresholding: str | None = None) -> pd.DataFrame:
        """Points of one policy from the lowest budget on, in one thresholding: by default the first that was swept.

        Raises :class:`~bench.errors.BenchError` for a policy or a thresholding that was not swept.
        """
        of_policy = self._part(self.points, "policy", policy, "policy of this sweep")
        if thresholding is None:
            thresholding = str(of_policy["thresholding"].iloc[0])
        chosen = self._part(of_policy, "thresholding", thresholding, f"thresholding of {policy} in this sweep")
        return chosen.sort_values("requested_cost").reset_index(drop=True)

    @staticmethod
    def _part(rows: pd.DataFrame, column: str, name: str, what: str) -> pd.DataFrame:
        """Rows with a name in a column; raises where there is none."""
        known = list(map(str, rows[column].unique())) if column in rows else []
        if name not in known:
            raise unknown_name(what, str(name), known)
        return rows[rows[column] == name]

    def _of(self, kind: str) -> pd.DataFrame:
        rows = self.records[self.records["kind"] == kind].reset_index(drop=True)
        if len(rows):
            rows = rows.dropna(axis="columns", how="all")
        return rows.drop(columns=[name for name in LABELS if name in rows and len(rows) and (rows[name] == "").all()])


@dataclass(frozen=True, eq=False)
class ScoredRun(Scores):
    """One run: its records, its folder, and the header that says what was run, on what, and where."""

    folder: Path
    header: Mapping[str, Any]

    @classmethod
    def of(cls, folder: RunFolder, header: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> ScoredRun:
        """Lay records flat."""
        return cls(frame(records, header), folder.path, header)

    @property
    def name(self) -> str:
        """Name of its folder, which every command that reads runs understands."""
        return self.folder.name

    @property
    def method(self) -> str:
        """Name of the network."""
        return str(self.header["spec"]["method"])

    @property
    def dataset(self) -> str:
        """Name of the data."""
        return str(self.header["spec"]["dataset"])

    @property
    def seed(self) -> int:
        """Seed of the training."""
        return int(self.header["spec"]["seed"])

    @property
    def unit(self) -> str:
        """What costs and budgets are in."""
        return str(cost_of(self.header)["unit"])

    @property
    def left_out(self) -> dict[str, str]:
        """Policies that did not apply, and why."""
        return dict(self.header.get("left_out") or {})

    @property
    def table(self) -> ExitTable:
        """Signals and outcomes of every query at every exit.

        Raises BenchError where the table is not kept, or not that of the training that is kept.
        """
        return self._table("test")

    @property
    def calibration(self) -> ExitTable | None:
        """The same of the held-out identities; None where no identity was held out. Raises BenchError as ``table``."""
        there = RunFolder(self.folder).table("calibration", evaluation_key(self.header)).exists()
        return self._table("calibration") if there else None

    def _table(self, split: str) -> ExitTable:
        folder = RunFolder(self.folder)
        path = folder.table(split, evaluation_key(self.header))
        table = load_table(path)
        check_source(path, folder.source)
        return table


@dataclass(frozen=True, eq=False)
class LoadedRuns:
    """Runs of a results folder, all their records in one DataFrame, and remarks on files that were passed over.

    Rows of ``records`` begin with ``run``, ``dataset``, ``method``, ``preset`` and ``seed``.
    """

    runs: tuple[ScoredRun, ...]
    records: pd.DataFrame
    remarks: tuple[str, ...]

    def __len__(self) -> int:
        """Count the runs."""
        return len(self.runs)

    def __getitem__(self, place: int) -> ScoredRun:
        """Give one run by its place."""
        return self.runs[place]


def frame(records: Sequence[Mapping[str, Any]], header: Mapping[str, Any]) -> pd.DataFrame:
    """Lay records flat in a DataFrame, by the header that they came with."""
    return pd.DataFrame(flat_rows(records, [str(exit_["name"]) for exit_ in header["exits"]]))
