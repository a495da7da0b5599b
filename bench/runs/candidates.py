"""What a choice of what to deploy is made among: operating points of finished runs, on held-out people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import registry
from bench.budget.bootstrap import IdentityBootstrap
from bench.budget.distribution import ExitFractions
from bench.budget.out_of_fold import exits_out_of_fold
from bench.budget.points import Points, SweepContext, score_points
from bench.budget.probe import confidences
from bench.budget.query_scores import METRICS, per_query_scores
from bench.budget.sweep import grid, policy_costs, policy_points
from bench.budget.thresholding.calibrated import CALIBRATED, calibrate
from bench.cost.axes.contract import stated_search
from bench.errors import BenchError, unknown_name
from bench.retrieval.table import ExitTable, FloatArray
from bench.runs.comparable import comparable
from bench.runs.finding import KeptRun
from bench.runs.redrawn import Deciding, RedrawnRun
from bench.spec import OF_A_FILE, SweepSpec

if TYPE_CHECKING:
    from bench.budget.policy import Policy

FEWEST_BUDGETS = 3


@dataclass(frozen=True)
class ChoiceRequest:
    """What is asked: the best point within a ``budget``, or the cheapest that loses at most ``loss``.

    ``budget`` is in the unit of the ``cost``, by its name. ``loss`` is a fraction of the ``metric``, against everybody
    at the last exit of that run whose last exit is the most accurate; it has to hold with the ``confidence``.
    ``budgets`` are the steps of each policy's curve, ``seed`` and ``resamples`` those of a sweep.

    Raises BenchError for metrics and policies that are unknown and numbers that cannot be.
    """

    policies: tuple[str, ...] = ("gs",)
    budget: float | None = None
    loss: float | None = None
    metric: str = "mAP"
    confidence: float = 0.95
    cost: str = "macs"
    budgets: int = 21
    seed: int = 0
    resamples: int = 1000

    def __post_init__(self) -> None:
        """Refuse what cannot be answered."""
        if (self.budget is None) == (self.loss is None):
            raise BenchError("a choice is within a budget or for a loss: give --budget, or --loss")
        if self.metric not in METRICS:
            raise unknown_name("metric", self.metric, list(METRICS))
        if self.budget is not None and not 0 < self.budget < np.inf:
            raise BenchError(f"a budget is a positive cost of a query, not {self.budget:g}")
        if self.loss is not None and not 0 <= self.loss < 1:
            raise BenchError(f"a loss is from 0 to below 100 points, not {100 * self.loss:g}")
        if not 0.5 <= self.confidence < 1:
            raise BenchError(f"a confidence is from 50 to below 100 %, not {100 * self.confidence:g}")
        if self.budgets < FEWEST_BUDGETS:
            raise BenchError(
                f"a curve has at least {FEWEST_BUDGETS} budgets, with those of its ends, not {self.budgets}"
            )
        for name in self.policies:
            registry.policy(name)
        self.sweep()

    def sweep(self, *a_values: float) -> SweepSpec:
        """Give the sweep of the policies' curves, or of single points at values of ``a``."""
        return SweepSpec(
            self.policies,
            (CALIBRATED.name,),
            self.budgets,
            a_values,
            resamples=self.resamples,
            seed=self.seed,
            cost=self.cost,
        )


@dataclass(frozen=True)
class Candidate:
    """A finished run: its exit tables, what its exits cost (S,), and its policies; ``left_out`` says why others are."""

    name: str
    key: str
    table: ExitTable
    held_out: ExitTable
    costs: FloatArray
    cost: Mapping[str, Any]
    """As the records state it."""
    policies: tuple[Deciding, ...]
    left_out: Mapping[str, str]
    has_network: bool
    """Whether ``bench infer`` can run it: a file of embeddings has no network."""

    @classmethod
    def of(cls, run: RedrawnRun, request: ChoiceRequest) -> Candidate:
        """Read what a run keeps.

        Raises BenchError where its tables are not kept or are not those of its records, or nobody was held out.
        """
        name = run.folder.path.name
        if not run.folder.table("calibration", run.scored.evaluation_key).exists():
            raise BenchError(
                f"{name} keeps no exit table of held-out people, and a choice is made on these: train with "
                "--calibration above 0 (a file of embeddings needs calibration_query); the bench run that made a run "
                "makes its tables again"
            )
        if problem := run.why_no_table():
            raise BenchError(f"{name}: {problem}; the bench run that made it makes its tables again")
        policies, left_out = [], {}
        for policy in request.policies if len(run.costs) > 1 else ():
            try:
                ready = run.deciding(policy, held_out=True)
            except BenchError as problem:
                left_out[policy] = f"{problem}; bench run --budget-sweep --policies {policy} makes it"
                continue
            if ready.policy.applies(ready.table.signals):
                policies.append(ready)
            else:
                left_out[policy] = "the run gives nothing for it to read"
        key, cost = str(run.scored.header["run"]), run.scored.cost
        has_network = run.scored.spec.get("preset") != OF_A_FILE
        return cls(name, key, run.table, run.held_out, run.costs, cost, tuple(policies), left_out, has_network)

    def check_beside(self, other: Candidate) -> None:
        """Raise BenchError where the other's numbers are of other people, and cannot be set beside these."""
        for what, first, second in (
            ("held-out queries", self.held_out, other.held_out),
            ("test queries", self.table, other.table),
        ):
            if not np.array_equal(first.outcomes.query_pids, second.outcomes.query_pids):
                raise BenchError(
                    f"{self.name} and {other.name} have other {what}, so their numbers cannot be set beside each "
                    "other: name runs of one seed and one --calibration, as '*seed0*'"
                )


def candidates_of(runs: Sequence[KeptRun], request: ChoiceRequest) -> list[Candidate]:
    """Make candidates of runs that were evaluated alike, in the cost that is asked for; the newest such evaluation.

    Raises BenchError where the cost is unknown or one was not scored in it, where they are of different data or never
    evaluated alike, or where one cannot be read as :meth:`Candidate.of` says.
    """
    # A file of embeddings may have a cost of its own, by a name that is not registered.
    known = {*registry.names("cost"), *(one.cost["name"] for run in runs for one in run.scored)}
    if request.cost not in known:
        raise unknown_name("cost", request.cost, sorted(known))
    priced = []
    for run in runs:
        scored = tuple(one for one in run.scored if one.cost["name"] == request.cost)
        if not scored:
            others = ", ".join(dict.fromkeys(one.cost["name"] for one in run.scored))
            raise BenchError(
                f"{run.name} has no results with --cost {request.cost}, but with {others}; bench run with it makes them"
            )
        priced.append(replace(run, scored=scored))
    chosen = comparable(*priced)
    return [Candidate.of(RedrawnRun(run.folder, scored), request) for run, scored in zip(priced, chosen, strict=True)]


@dataclass(frozen=True)
class Curve:
    """Operating points of one run on its held-out queries: of a policy at values of ``a``, or everybody at each exit.

    ``at`` are these values, or indices of exits where there is no policy. A policy's points are out of fold
    (:mod:`bench.budget.out_of_fold`).
    """

    candidate: Candidate
    deciding: Deciding | None
    at: tuple[float, ...]
    costs: FloatArray
    """(K,) mean cost of a query."""
    scores: FloatArray
    """(K, M) of each query."""

    @classmethod
    def all_of(cls, candidate: Candidate, request: ChoiceRequest) -> list[Curve]:
        """Give the curve of the exits, and that of each policy. Raises BenchError where there are too few people."""
        scores = per_query_scores(candidate.held_out.outcomes)[..., METRICS.index(request.metric)]
        curves = [cls(candidate, None, tuple(range(len(candidate.costs))), candidate.costs, scores.T)]
        rate, search = float(candidate.cost.get("policy_mac", 1.0)), stated_search(candidate.cost)
        for one in candidate.policies:
            assert one.held_out is not None
            costs = policy_costs(one.policy, one.held_out.signals, candidate.costs, rate, search)
            # At the ends everybody leaves at one exit, for which no policy is needed.
            inner = grid(request.sweep(), costs)[1:-1]
            fractions, registered = ExitFractions.of(inner, len(costs)), registry.policy(one.policy.name)
            exits = exits_out_of_fold(one.policy, registered, CALIBRATED, one.held_out, fractions, request.seed)
            taken = scores[np.arange(len(scores)), exits]
            curves.append(cls(candidate, one, inner, costs[exits].mean(axis=1), taken))
        return curves

    @property
    def policy(self) -> Policy | None:
        """The policy; None where everybody leaves at one exit."""
        return self.deciding.policy if self.deciding else None

    @property
    def means(self) -> FloatArray:
        """(K,) mean score over the held-out queries."""
        return np.asarray(self.scores.mean(axis=1))

    def described(self, index: int) -> dict[str, Any]:
        """Name a point: its run, and the policy with its ``a`` or the exit."""
        candidate = self.candidate
        about: dict[str, Any] = {"run": candidate.name, "key": candidate.key, "has_network": candidate.has_network}
        if self.policy is None:
            return about | {"policy": None, "a": None, "exit": candidate.table.exits[int(self.at[index])]}
        return about | {"policy": self.policy.name, "a": self.at[index], "exit": None}

    def tested(self, index: int, request: ChoiceRequest) -> Points:
        """Score a point on the test queries, as a sweep does, with thresholds of all held-out queries."""
        candidate, outcomes = self.candidate, self.candidate.table.outcomes
        context = SweepContext.of(
            per_query_scores(outcomes),
            candidate.costs,
            IdentityBootstrap.draw(outcomes.query_pids, request.resamples, request.seed),
            float(candidate.cost.get("policy_mac", 1.0)),
            search=stated_search(candidate.cost),
        )
        if self.deciding is None:
            return score_points(context, [{}], np.full((1, 1, len(candidate.table)), int(self.at[index])))
        one, sweep = self.deciding, request.sweep(self.at[index])
        assert one.held_out is not None
        return policy_points(one.policy, CALIBRATED, one.table, context, sweep, one.held_out.signals)

    def thresholds(self, index: int, request: ChoiceRequest) -> list[float] | None:
        """Confidences from which queries leave at each exit but the last; None where all leave at one."""
        if self.deciding is None:
            return None
        assert self.deciding.held_out is not None
        signals = self.deciding.held_out.signals
        confidence = confidences(self.deciding.policy, signals, np.random.default_rng([request.seed, 2]))
        q = ExitFractions.of(self.at[index : index + 1], confidence.shape[1]).q[0]
        return [float(one) for one in calibrate(confidence, q)]
