"""Policies over budgets on an exit table, without a results folder: for policies and tables that are being tried."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bench import registry
from bench.api import arguments
from bench.api.results import ScoredRun, Scores
from bench.budget.policy import Evidence, LearnedPolicy, Policy
from bench.budget.probe import fitted
from bench.budget.query_scores import mean_precision
from bench.budget.sweep import sweep as sweep_records
from bench.cost.axes.contract import stated_search
from bench.errors import BenchError
from bench.retrieval.table import ExitTable
from bench.runs.rows import flat_rows


def sweep(
    of: ScoredRun | ExitTable,
    *,
    policies: Sequence[str | Policy | LearnedPolicy],
    costs: ArrayLike | None = None,
    calibration: ExitTable | None = None,
    thresholdings: Sequence[str] = ("stream",),
    budgets: int = 21,
    a_values: Sequence[float] = (),
    shuffles: int = 10,
    resamples: int = 1000,
    seed: int = 0,
) -> Scores:
    """Sweep policies, by name or as they are, over budgets on a run's exit table, or on one of your own.

    ``costs`` (S,) are what a query pays in all that leaves at each exit; a run brings its own, and its table of
    held-out identities for ``calibration``, which policies that learn and calibrated thresholds need. Nothing is kept.
    Raises BenchError where a policy does not apply, costs do not rise, or the table is not kept.
    """
    policy_mac, search = 1.0, None
    if isinstance(of, ScoredRun):
        table = of.table
        calibration = calibration or of.calibration
        stated = of.header.get("cost") or {}
        policy_mac = float(stated.get("policy_mac", 1.0))
        # Other costs than the run's own say nothing of a search.
        search = stated_search(stated) if costs is None else None
        costs = of.exits["requested_cost"].to_numpy() if costs is None else costs
    elif isinstance(of, ExitTable):
        table = of
    else:
        raise BenchError(f"a sweep is of a run or of an exit table; found {type(of).__name__}")
    if costs is None:
        raise BenchError("an exit table does not say what exits cost: give costs, one number an exit")
    if not isinstance(calibration, ExitTable | None):
        raise BenchError(f"calibration is an exit table of held-out identities; found {type(calibration).__name__}")
    ladder = np.asarray(arguments.numbers("costs", costs))
    if ladder.shape != (len(table.exits),):
        raise BenchError(f"costs are one number for each of {len(table.exits)} exits, found shape {ladder.shape}")
    if not (ladder > 0).all():
        raise BenchError(f"costs are positive; found {ladder.tolist()}")
    ready = [_ready(policy, calibration, seed) for policy in _each_once(policies)]
    for policy in ready:
        if not policy.applies(table.signals):
            raise BenchError(f"policy {policy.name} does not apply: the table gives nothing for it to read")
    spec = arguments.sweep(
        [policy.name for policy in ready],
        thresholdings=thresholdings,
        budgets=budgets,
        a_values=a_values,
        shuffles=shuffles,
        resamples=resamples,
        seed=arguments.whole("seed", seed),
    )
    held_out = (calibration.signals, mean_precision(calibration)) if calibration else (None, None)
    records = sweep_records(table, ladder, spec, ready, held_out[0], policy_mac, held_out[1], search)
    return Scores(pd.DataFrame(flat_rows(records, list(table.exits))))


def _each_once(policies: Any) -> list[str | Policy | LearnedPolicy]:
    """Take policies by name or as they are, each once; two of one name could not be told apart in the records."""
    if isinstance(policies, str) or not isinstance(policies, Iterable):
        raise BenchError(f"policies is a list of names and policies, as ['gs']; found {policies!r}")
    found: dict[str, str | Policy | LearnedPolicy] = {}
    for policy in policies:
        if not isinstance(policy, str | Policy | LearnedPolicy):
            raise BenchError(f"policies are names and policies; found {type(policy).__name__}: {policy!r}")
        name = policy if isinstance(policy, str) else policy.name
        if found.setdefault(name, policy) != policy:
            raise BenchError(f"two policies are called {name}: give each a name of its own")
    if not found:
        raise BenchError("a sweep is of at least one policy; found none")
    return list(found.values())


def _ready(policy: str | Policy | LearnedPolicy, calibration: ExitTable | None, seed: int) -> Policy:
    """Look a policy up, and fit it where it learns from held-out identities."""
    found = registry.policy(policy) if isinstance(policy, str) else policy
    if isinstance(found, Policy):
        return found
    if found.needs != "calibration" or calibration is None:
        raise BenchError(
            f"policy {found.name} learns from {found.needs}, which is not here: give calibration, or take bench.run or "
            "bench.evaluate"
        )
    return found.load(fitted(found, Evidence(calibration), np.random.default_rng([seed, *found.file_name.encode()])))
