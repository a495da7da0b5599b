"""The numbers of one run with draws of the bootstrap: values from its records, draws from its exit tables.

On the tables policies decide again as they did in the sweep. What cannot be made again exactly as it is on record is
not drawn; its records' own intervals tell how uncertain it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from bench import registry
from bench.budget.bootstrap import IdentityBootstrap
from bench.budget.crossed import standard_error
from bench.budget.curve_area import mean_between, reaches
from bench.budget.points import Points, SweepContext
from bench.budget.policy import Policy
from bench.budget.query_scores import METRICS, per_query_scores
from bench.budget.sweep import policy_points
from bench.cost.axes.contract import stated_search
from bench.errors import BenchError
from bench.files import AGAIN, check_source, read_arrays
from bench.retrieval.table import ExitTable, FirstExitFeatures, FloatArray
from bench.retrieval.table_file import load_table
from bench.runs.finished import RecordsFile, Run
from bench.runs.folder import RunFolder
from bench.spec import EVALUATION_VERSION, SweepSpec

SAME = 1e-6
"""Largest difference, as a fraction, between a recorded number and the same one computed again from the tables."""
Budgets: TypeAlias = tuple[float, float]
"""From one cost to another."""


@dataclass(frozen=True)
class Value:
    """A number with its ``draws`` (R,) over people, which are None where nothing can be drawn.

    ``error`` is the standard error that its recorded interval tells of; None where none is recorded.
    """

    number: float
    draws: FloatArray | None = None
    error: float | None = None


@dataclass(frozen=True)
class Deciding:
    """A policy that is ready, with the tables that it reads: of the test queries, and of the held-out ones if asked."""

    policy: Policy
    table: ExitTable
    held_out: ExitTable | None = None


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
        cost = self.scored.cost
        rate = float(cost.get("policy_mac", 1.0))
        self.context = SweepContext.of(scores, self.costs, bootstrap, rate, search=stated_search(cost))

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

    @cached_property
    def held_out(self) -> ExitTable:
        """The same of every query of a person held out of training. Raises BenchError where they cannot be read."""
        return self._load("calibration")

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

    @cached_property
    def curves(self) -> dict[tuple[str, str], tuple[RecordsFile, list[Mapping[str, Any]]]]:
        """Points of each policy and thresholding, in the newest sweep that has them; those of the newest come first."""
        found: dict[tuple[str, str], tuple[RecordsFile, list[Mapping[str, Any]]]] = {}
        for file in self.scored.files:
            for row in file.records:
                if row["kind"] == "policy":
                    of, rows = found.setdefault((row["policy"], row["thresholding"]), (file, []))
                    if of is file:
                        rows.append(row)
        return found

    @property
    def thresholdings(self) -> list[str]:
        """Thresholdings of the sweeps, those of the newest sweep first."""
        return list(dict.fromkeys(thresholding for _, thresholding in self.curves))

    def policies(self, thresholding: str) -> list[str]:
        """Policies that were swept in a thresholding."""
        return [policy for policy, of in self.curves if of == thresholding]

    def reaches(self, policy: str, thresholding: str) -> bool:
        """Whether a policy's points cover enough of the way between the exits."""
        _, rows = self.curves[policy, thresholding]
        return reaches(np.array([row["realised_cost"] for row in rows]), self.costs[[0, -1]])

    def exit_value(self, exit_index: int, metric: str) -> Value:
        """One exit's metric."""
        draws = self.context.exit_draws[:, exit_index, METRICS.index(metric)] if self.context else None
        row = self.exit_rows[exit_index]
        return Value(float(row[metric]), draws, _error(row, metric))

    def mean_value(self, policy: str, thresholding: str, metric: str, budgets: Budgets) -> Value:
        """Mean of a policy's metric over budgets from the one to the other; with draws once it decided again.

        Its recorded error is the mean of the points' over these budgets: points whose errors all rose and fell together
        would have it, and no others have more.
        """
        _, rows = self.curves[policy, thresholding]
        number = self._recorded_mean([row[metric] for row in rows], [row[metric] for row in self._ends], rows, budgets)
        errors, at_ends = ([_error(row, metric) for row in part] for part in (rows, self._ends))
        error = None if None in [*errors, *at_ends] else self._recorded_mean(errors, at_ends, rows, budgets)
        points, column = self._points.get((policy, thresholding)), METRICS.index(metric)
        if self.context is None or points is None:
            return Value(number, None, error)
        exits = self.context.exit_draws[:, [0, -1], column]
        draws = self._mean_height(points.cost_draws, points.score_draws[..., column], exits, budgets)
        return Value(number, draws, error)

    def decide_again(self, policy: str, thresholding: str) -> str:
        """Let a policy decide on the table again; gives the reason where that fails, else an empty text.

        Raises ValueError before ``draw``.
        """
        file, rows = self.curves[policy, thresholding]
        if self.context is None:
            raise ValueError("decisions are scored on draws: call draw first")
        try:
            spec, rule = _sweep_spec(file), registry.thresholding(thresholding)
            one = self.deciding(policy, held_out=rule.needs == "calibration")
            held_out = one.held_out.signals if one.held_out else None
            points = policy_points(one.policy, rule, one.table, self.context, spec, held_out)
        except BenchError as problem:
            return str(problem)
        again = np.column_stack([points.cost / self.costs[-1], points.scores[:, METRICS.index("mAP")]])
        recorded = np.array([[row["realised_cost"] / self.costs[-1], row["mAP"]] for row in rows])
        if again.shape != recorded.shape or not np.allclose(again, recorded, rtol=0, atol=SAME):
            return f"decisions are now other than in {file.name}; sweep again"
        self._points[policy, thresholding] = points
        return ""

    def deciding(self, name: str, *, held_out: bool) -> Deciding:
        """Read what a policy learned, if it learns, and the tables that it decides on.

        Raises BenchError where that is not kept, or not of this training.
        """
        policy, reads_features = self._ready(name)
        table = self._with_features(self.table, "") if reads_features else self.table
        if not held_out:
            return Deciding(policy, table)
        others = self.held_out
        return Deciding(policy, table, self._with_features(others, "calibration_") if reads_features else others)

    @property
    def _ends(self) -> list[Mapping[str, Any]]:
        """Records of the first exit and the last."""
        return [self.exit_rows[0], self.exit_rows[-1]]

    def _recorded_mean(
        self, values: Sequence[Any], at_ends: Sequence[Any], rows: Sequence[Mapping[str, Any]], budgets: Budgets
    ) -> float:
        costs = np.array([[row["realised_cost"] for row in rows]])
        heights = self._mean_height(costs, np.array([values], dtype=float), np.array([at_ends], dtype=float), budgets)
        return float(heights[0])

    def _mean_height(self, costs: FloatArray, scores: FloatArray, exits: FloatArray, budgets: Budgets) -> FloatArray:
        return mean_between(costs, scores, self.costs[[0, -1]], exits, np.array(budgets))

    def _load(self, split: str) -> ExitTable:
        path = self.folder.table(split, self.scored.evaluation_key)
        if not path.exists():
            raise BenchError(f"{path} is not kept")
        check_source(path, self.folder.source)
        try:
            return load_table(path)
        except BenchError as problem:
            if self.scored.evaluation.get("evaluation_version") == EVALUATION_VERSION:
                raise
            raise BenchError(f"{path} is of an older version of the suite") from problem

    def _ready(self, name: str) -> tuple[Policy, bool]:
        """Give a policy that is ready, and whether it reads features of images."""
        policy = registry.policy(name)
        if isinstance(policy, Policy):
            return policy, False
        path = self.folder.policy(policy.file_name, self.scored.evaluation_key)
        if not path.exists():
            raise BenchError(f"{path} is not kept")
        check_source(path, self.folder.source)
        stored = read_arrays(path)
        try:
            return policy.load(stored), policy.needs == "training statistics"
        except (ValueError, KeyError) as problem:
            raise BenchError(f"{path} is not what {name} learned ({problem}); {AGAIN}") from problem

    def _with_features(self, table: ExitTable, prefix: str) -> ExitTable:
        """Add the kept features of the first exit, which are no part of an exit table."""
        path = self.folder.features
        if not path.exists():
            raise BenchError(f"decisions read features of images, and {path} is not kept")
        check_source(path, self.folder.source)
        stored = read_arrays(path)
        query, gallery = (stored.get(f"{prefix}{part}") for part in ("query", "gallery"))
        if query is None or gallery is None or len(query) != len(table):
            raise BenchError(f"{path} has not the features of these queries")
        return replace(table, signals=replace(table.signals, features=FirstExitFeatures(query, gallery)))


def _error(row: Mapping[str, Any], metric: str) -> float | None:
    low, high = (row.get(f"{metric}_{end}") for end in ("low", "high"))
    return None if low is None or high is None else standard_error(float(low), float(high))


def _sweep_spec(file: RecordsFile) -> SweepSpec:
    """Read the settings of a sweep from the header of its records."""
    values: dict[str, Any] = dict(file.header["sweep"] or {})
    values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    try:
        return SweepSpec(**{**values, "a_values": tuple(float(a) for a in values.get("a_values", ()))})
    except (TypeError, ValueError) as problem:
        raise BenchError(f"{file.name} does not say how it was swept ({problem}); run the sweep again") from problem
