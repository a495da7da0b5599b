"""From policies as they are registered to policies that are ready: what learns is fitted once and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.budget.policy import Evidence, LearnedPolicy, Need, Parameters, Policy
from bench.budget.probe import check_policy, fitted
from bench.deadline import NEVER, Deadline
from bench.errors import BenchError
from bench.files import read_arrays, write_arrays
from bench.progress import Reporter
from bench.retrieval.drawn import query_rows
from bench.retrieval.evaluate import matched_queries
from bench.retrieval.table import ExitTable, FirstExitFeatures, IntArray
from bench.running.keep import Hold, held, obtain
from bench.runs.folder import RunFolder

OF_A_RUN: Mapping[Need, str] = {
    "calibration": "learns from identities held out of training, and there are none: --calibration above 0",
    "training statistics": "learns from the retrieval history of training, and this run kept none",
}
"""Why a policy cannot be fitted where a trained run lacks what it needs."""


@dataclass(frozen=True)
class Fitted:
    """Policies that are ready, the tables that they can read, and what those that learned have to report."""

    policies: list[Policy]
    table: ExitTable
    calibration: ExitTable | None
    reports: dict[str, Mapping[str, Any]]
    left_out: dict[str, str]
    """Policies that do not apply, and why."""


@dataclass(frozen=True)
class Fitting:
    """Where and by what policies are fitted: the folder that keeps parameters, the evaluation's key, the run's seed.

    ``of`` names whose policies they are, ``lacking`` says why one cannot be fitted without what it needs.
    """

    folder: RunFolder
    evaluation_key: str
    seed: int
    of: str
    reporter: Reporter
    lacking: Mapping[Need, str]
    deadline: Deadline = NEVER
    hold: Hold = held


def make_ready(
    fitting: Fitting,
    policies: Sequence[Policy | LearnedPolicy],
    table: ExitTable,
    evidence: Evidence,
    *,
    leave_out: bool,
) -> Fitted:
    """Fit what learns, or find it fitted; with ``leave_out``, what cannot be fitted, or fails, is left out with a note.

    Policies to which the table gives nothing to read are always left out with a note. Raises BenchError where none is
    left.
    """
    ready: list[Policy] = []
    reports: dict[str, Mapping[str, Any]] = {}
    left_out: dict[str, str] = {}
    for given in policies:
        try:
            policy, report = _loaded(fitting, given, evidence)
            if not policy.applies(table.signals):
                left_out[given.name] = f"{fitting.of} gives nothing for it to read"
                continue
            if leave_out:
                check_policy(policy, table.signals)
        except BenchError as problem:
            if not leave_out:
                raise
            left_out[given.name] = str(problem)
            continue
        ready.append(policy)
        if report is not None:
            reports[policy.name] = report
    for name, reason in left_out.items():
        fitting.reporter.note(f"policy {name} left out: {reason}")
    if not ready:
        raise BenchError(
            f"none of the policies {', '.join(policy.name for policy in policies)} applies to {fitting.of}: "
            "they find nothing to read; bench list policies says what each needs"
        )
    return Fitted(ready, table, evidence.calibration, reports, left_out)


def with_features(
    table: ExitTable,
    query: NDArray[np.float16],
    gallery: NDArray[np.float16],
    query_labels: tuple[IntArray, IntArray],
    gallery_labels: tuple[IntArray, IntArray],
) -> ExitTable:
    """Add the first exit's features, (Q, F) of all queries and (G, F) of the gallery, to the signals of a table.

    Labels are identities and cameras: those of the queries say which of them are rows of the table.
    """
    rows = query_rows(table, matched_queries(*query_labels, *gallery_labels))
    return replace(table, signals=replace(table.signals, features=FirstExitFeatures(query[rows], gallery)))


def _loaded(
    fitting: Fitting, policy: Policy | LearnedPolicy, evidence: Evidence
) -> tuple[Policy, Mapping[str, Any] | None]:
    """Give a policy that is ready, and what it reports if it learned."""
    if not isinstance(policy, LearnedPolicy):
        return policy, None
    parameters = _obtain_parameters(fitting, policy, evidence)
    return policy.load(parameters), policy.report(parameters)


def _obtain_parameters(fitting: Fitting, policy: LearnedPolicy, evidence: Evidence) -> Parameters:
    # Even where it was fitted before: what it learned from, it also reads when it decides.
    there = {"calibration": evidence.calibration, "training statistics": evidence.training}
    if there[policy.needs] is None:
        raise BenchError(f"{policy.name} {fitting.lacking[policy.needs]}")

    def read(path: Path) -> Parameters:
        parameters = read_arrays(path)
        # Arrays of other names end in a KeyError here, where they are still made again.
        policy.report(parameters)
        policy.load(parameters)
        return parameters

    def make() -> Parameters:
        fitting.deadline.check(f"fitting policy {policy.name}")
        fitting.reporter.note(f"fitting policy {policy.name}")
        return fitted(policy, evidence, np.random.default_rng([fitting.seed, *policy.file_name.encode()]))

    return obtain(
        fitting.folder.policy(policy.file_name, fitting.evaluation_key),
        read,
        make,
        lambda parameters, path, source: write_arrays(path, parameters, compressed=True, source=source),
        fitting.reporter,
        hold=fitting.hold,
        source=fitting.folder.source,
    )
