"""The numbers of one run with draws of the bootstrap: values from its records, draws from its exit tables.

Policies decide again on the tables as they did in the sweep. Where that does not give the recorded numbers, no draws
are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from bench import registry
from bench.budget.bootstrap import IdentityBootstrap
from bench.budget.curve_area import closed, mean_height, reaches
from bench.budget.points import Points, SweepContext
from bench.budget.policy import Policy
from bench.budget.query_scores import METRICS, per_query_scores
from bench.budget.sweep import policy_points
from bench.errors import BenchError
from bench.files import AGAIN, read_arrays
from bench.retrieval.table import ExitTable, FloatArray
from bench.retrieval.table_file import load_table
from bench.runs.folder import RunFolder
from bench.runs.load import RecordsFile, Run
from bench.spec import EVALUATION_VERSION, SweepSpec

SAME = 1e-6
"""Largest difference, as a fraction, between a recorded number and the same one computed again from the tables."""
Value = tuple[float, FloatArray | None]
"""A number and its draws (R,), which are None where nothing can be drawn."""


@dataclass
class RedrawnRun:
    """One run under one evaluation: its records, and its tables where they are kept."""

    folder: RunFolder
    scored: Run
    context: SweepContext | None = None
    """Scores and draws that points are made from; None before ``draw``."""
    _points: dict[tuple[str, str], Points] = field(default_factory=dict)

    def draw(self, bootstrap: IdentityBootstrap) -> None:
        """Draw the means of the exits; from then on ``decide_again`` draws the points that it decides."""
        scores = per_query_scores(self.table.outcomes)
        self.context = SweepContext.of(scores, self.costs, bootstrap, float(self.scored.cost.get("policy_mac", 1.0)))

    @cached_property
    def exit_rows(self) -> list[Mapping[str, Any]]:
        """Records of the exits, first to last."""
        rows = [row for row in self.scored.files[0].records if row["kind"] == "exit"]
        return sorted(rows, key=lambda row: row["exit"])

    @cached_property
    def costs(self) -> FloatArray:
        """(S,) costs of the exits, in the unit of the sweep."""
        return np.array([row["realised_cost"] for row in self.exit_rows])

    @cached_property
    def table(self) -> ExitTable:
        """Outcomes and signals of every test query. Raises BenchError where they cannot be read."""
        return self._load("test")

    def why_no_table(self) -> str:
        """Say why the table cannot be used: not readable, or not that of the records; empty where it can."""
        try:
            again = self.table.outcomes.average_precision.mean(axis=0)
        except BenchError as problem:
            return str(problem)
        recorded = np.array([row["mAP"] for row in self.exit_rows])
        if again.shape == recorded.shape and np.allclose(again, recorded, rtol=0, atol=SAME):
            return ""
        return f"the exit table in {self.folder.path} is not the one that its records were made from"

    @property
    def thresholdings(self) -> list[str]:
        """Thresholdings of the sweeps, those of the newest sweep first."""
        return list(
            dict.fromkeys(
                row["thresholding"] for file in self.scored.files for row in file.records if row["kind"] == "policy"
            )
        )

    def policies(self, thresholding: str) -> list[str]:
        """Policies that were swept in a thresholding."""
        rows = [row for file in self.scored.files for row in file.records]
        return list(
            dict.fromkeys(
                row["policy"] for row in rows if row["kind"] == "policy" and row["thresholding"] == thresholding
            )
        )

    def curve(self, policy: str, thresholding: str) -> tuple[RecordsFile, list[Mapping[str, Any]]]:
        """Give a policy's points from the newest sweep that has them. Raises KeyError where none has."""
        for file in self.scored.files:
            rows = [
                row
                for row in file.records
                if (row["kind"], row["policy"], row["thresholding"]) == ("policy", policy, thresholding)
            ]
            if rows:
                return file, rows
        raise KeyError(policy)

    def reaches(self, policy: str, thresholding: str) -> bool:
        """Whether a policy's points cover enough of the way between the exits."""
        _, rows = self.curve(policy, thresholding)
        return reaches(np.array([row["realised_cost"] for row in rows]), self.costs[[0, -1]])

    def exit_value(self, index: int, metric: str) -> Value:
        """One exit's metric."""
        draws = self.context.exit_draws[:, index, METRICS.index(metric)] if self.context else None
        return float(self.exit_rows[index][metric]), draws

    def mean_value(self, policy: str, thresholding: str, metric: str, budgets: tuple[float, float]) -> Value:
        """Mean of a policy's metric between two budgets; with draws once the policy decided again."""
        _, rows = self.curve(policy, thresholding)
        costs, scores = (np.array([[row[name] for row in rows]]) for name in ("realised_cost", metric))
        ends = np.array([[self.exit_rows[index][metric] for index in (0, -1)]])
        value = float(self._mean_height(costs, scores, ends, budgets)[0])
        points, column = self._points.get((policy, thresholding)), METRICS.index(metric)
        if self.context is None or points is None:
            return value, None
        exits = self.context.exit_draws[:, [0, -1], column]
        return value, self._mean_height(points.cost_draws, points.score_draws[..., column], exits, budgets)

    def decide_again(self, policy: str, thresholding: str) -> str:
        """Let a policy decide on the table again; gives the reason where that fails, else an empty text.

        Raises ValueError before ``draw``.
        """
        file, rows = self.curve(policy, thresholding)
        if self.context is None:
            raise ValueError("decisions are scored on draws: call draw first")
        try:
            spec, ready = _sweep_spec(file), self._ready(policy)
            rule = registry.thresholding(thresholding)
            held_out = self._load("calibration").signals if rule.needs == "calibration" else None
            points = policy_points(ready, rule, self.table, self.context, spec, held_out)
        except BenchError as problem:
            return str(problem)
        again = np.column_stack([points.cost / self.costs[-1], points.scores[:, METRICS.index("mAP")]])
        recorded = np.array([[row["realised_cost"] / self.costs[-1], row["mAP"]] for row in rows])
        if again.shape != recorded.shape or not np.allclose(again, recorded, rtol=0, atol=SAME):
            return f"decisions are now other than in {file.name}; sweep again"
        self._points[policy, thresholding] = points
        return ""

    def _mean_height(
        self, costs: FloatArray, scores: FloatArray, exits: FloatArray, budgets: tuple[float, float]
    ) -> FloatArray:
        curve = closed(costs, scores, self.costs[[0, -1]], exits)
        return mean_height(*curve, np.array(budgets))

    def _load(self, split: str) -> ExitTable:
        path = self.folder.table(split, self.scored.evaluation_key)
        if not path.exists():
            raise BenchError(f"{path} is not kept")
        try:
            return load_table(path)
        except BenchError as problem:
            if self.scored.evaluation.get("evaluation_version") == EVALUATION_VERSION:
                raise
            raise BenchError(f"{path} is of an older version of the suite") from problem

    def _ready(self, name: str) -> Policy:
        policy = registry.policy(name)
        if isinstance(policy, Policy):
            return policy
        if policy.needs == "training statistics":
            raise BenchError("decisions read features of images, which are no part of an exit table")
        path = self.folder.policy(policy.file_name, self.scored.evaluation_key)
        stored = read_arrays(path)
        try:
            return policy.load(stored)
        except (ValueError, KeyError) as problem:
            raise BenchError(f"{path} is not what {name} learned ({problem}); {AGAIN}") from problem


def _sweep_spec(file: RecordsFile) -> SweepSpec:
    """Read the settings of a sweep from the header of its records."""
    values: dict[str, Any] = dict(file.header["sweep"] or {})
    values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    try:
        return SweepSpec(**{**values, "a_values": tuple(float(a) for a in values.get("a_values", ()))})
    except (TypeError, ValueError) as problem:
        raise BenchError(f"{file.name} does not say how it was swept ({problem}); run the sweep again") from problem
