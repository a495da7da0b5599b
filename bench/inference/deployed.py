"""What a finished run gives to an engine: its network, gallery, policy, thresholds and costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench import registry
from bench.budget.distribution import conditional_exit, exit_distribution, solve_a
from bench.budget.sweep import policy_costs
from bench.data.tracklets import entries
from bench.data.views import VIEW_COUNTS
from bench.errors import BenchError
from bench.inference.compaction import Pays, always
from bench.inference.engine import Engine
from bench.inference.enrolment import NamedImages, gallery_of
from bench.inference.gallery import Gallery, listed
from bench.inference.replay import ReplayBackend
from bench.retrieval.classify import Classifier
from bench.retrieval.drawn import require_plain
from bench.retrieval.evaluate import matched_queries
from bench.retrieval.table import ExitTable, FloatArray, IntArray
from bench.running.context import RunContext
from bench.running.fitting import ready_policies
from bench.running.stages import obtain_embeddings, obtain_ledger, obtain_network
from bench.running.tables import obtain_tables
from bench.spec import EvaluationSpec

if TYPE_CHECKING:
    from bench.budget.policy import Policy
    from bench.budget.thresholding.contract import Decider
    from bench.inference.backends.backend import Backend
    from bench.networks import MultiExitNetwork


@dataclass(frozen=True)
class Budget:
    """A budget and what follows from it: ``a``, and the cost (multiply-adds) that a query may take on average."""

    share: float | None
    """Of the way from the first exit's cost to the last's; None where ``a`` was given."""
    a: float
    requested_macs: float


@dataclass(frozen=True)
class Deployed:
    """A finished run with one policy.

    ``table`` (N rows) and ``calibration`` have what the policy reads; ``rows`` (N,) are the table's queries among the
    query images. ``query_codes`` are the kept embeddings of these N at each exit; ``seed`` is the sweep's.
    """

    network: MultiExitNetwork
    gallery: Gallery
    """The run's own, whose images are named by their files, or one that was kept (:meth:`asking`)."""
    gallery_features: NDArray[np.float16] | None
    """(G, F) the first exit's features of the gallery's images, for a policy that reads them."""
    policy: Policy
    table: ExitTable
    calibration: ExitTable | None
    costs: FloatArray
    """(S,) cumulative multiply-adds, the policy's own included."""
    network_costs: FloatArray
    """(S,) without the policy's."""
    rows: IntArray
    query_codes: list[NDArray[Any]]
    classifier: Classifier | None
    """For a policy that reads class probabilities; None for the others, and where the network has none."""
    ap: Any
    seed: int = 0

    @classmethod
    def of(cls, context: RunContext, policy: str, evaluation: EvaluationSpec, seed: int = 0) -> Deployed:
        """Find (or make) what a run keeps, and fit the policy.

        Raises :class:`BenchError` where several views or protocol signals are asked for, or the policy does not apply.
        """
        if VIEW_COUNTS[evaluation.views] != 1 or evaluation.signals != "deployed":
            raise BenchError("an engine sees one view of an image, and the gallery as deployed: run without --views")
        require_plain(context.stores.query.samples, context.stores.gallery.samples, "real early exit", clothes=False)
        network = obtain_network(context).eval()
        costs = obtain_ledger(context, network).cumulative_macs.astype(float)
        tables = obtain_tables(context, network, evaluation)
        fitted = ready_policies(context, network, [registry.policy(policy)], *tables, evaluation, leave_out=False)
        embeddings = obtain_embeddings(context, network, evaluation.views)
        samples, asked = entries(context.stores.gallery.samples), entries(context.stores.query.samples)
        images = NamedImages(tuple(samples), tuple(str(sample.path) for sample in samples))
        gallery = gallery_of(context.spec.key, network, embeddings["gallery"], images)
        pids, camids = (np.array([getattr(sample, name) for sample in asked]) for name in ("pid", "camid"))
        rows = matched_queries(pids, camids, gallery.pids, gallery.camids)
        ready = fitted.policies[0]
        features = fitted.table.signals.features
        return cls(
            network=network,
            gallery=gallery,
            gallery_features=features.gallery if features else None,
            policy=ready,
            table=fitted.table,
            calibration=fitted.calibration,
            costs=policy_costs(ready, fitted.table.signals, costs),
            network_costs=costs,
            rows=rows,
            query_codes=[codes[rows] for codes in embeddings["query"]],
            classifier=Classifier.of(network) if "classes" in ready.reads else None,
            ap=evaluation.ap,
            seed=seed,
        )

    def asking(self, kept: Gallery) -> Deployed:
        """Ask a gallery that was kept, in place of the run's own.

        Raises :class:`BenchError` where it was built for another run, weights or exits, or holds no image.
        """
        own = self.gallery
        if kept.run != own.run:
            raise BenchError(
                f"the gallery was built by run {kept.run[:8]}, and this is run {own.run[:8]}: its thresholds mean "
                "nothing there; build a gallery for this run (bench gallery build)"
            )
        if kept.network != own.network:
            raise BenchError(
                f"the gallery's codes are of weights {kept.network[:12]}, and the run has {own.network[:12]} now: it "
                "was trained again since; build the gallery again (bench gallery build)"
            )
        if kept.exits != own.exits:
            raise BenchError(
                f"the gallery holds codes of {listed(kept.exits)}, and the network has {listed(own.exits)}; build "
                "the gallery again (bench gallery build)"
            )
        if not len(kept):
            raise BenchError("the gallery holds no image: no identity can be found in it; add some (bench gallery add)")
        return replace(self, gallery=kept, gallery_features=kept.features)

    def budget(self, share: float) -> Budget:
        """Turn a share of the way from the first exit's cost to the last's into a budget.

        Raises :class:`BenchError` outside 0 to 1, and for a run of one exit.
        """
        if len(self.costs) < 2:
            raise BenchError("this run has one exit: no query leaves early, and there is no budget to choose")
        if not 0 <= share <= 1:
            raise BenchError(f"a budget is a share from 0 (the first exit) to 1 (the last), not {share:g}")
        macs = float(self.costs[0] + share * (self.costs[-1] - self.costs[0]))
        return Budget(share, solve_a(self.costs, macs), macs)

    def parameter(self, a: float) -> Budget:
        """Take the budget parameter ``a`` itself. Raises :class:`BenchError` for a negative value."""
        if not a >= 0:
            raise BenchError(f"the budget parameter a is a number from 0 to inf, not {a}")
        return Budget(None, a, float(exit_distribution(a, len(self.costs)) @ self.costs))

    def decider(self, budget: Budget, thresholding: str) -> Callable[[], Decider]:
        """Decide for a budget, as a sweep does: each call begins anew.

        Raises :class:`BenchError` for a thresholding that has to know all queries, or needs held-out identities where
        there are none.
        """
        rule = registry.thresholding(thresholding)
        q = conditional_exit(exit_distribution(budget.a, len(self.costs)))
        held_out = None
        if rule.needs == "calibration" and self.calibration is not None:
            held_out = self.policy.confidence(self.calibration.signals, np.random.default_rng([self.seed, 2]))
        rule.online(q, held_out)
        return lambda: rule.online(q, held_out)

    def engine(self, backend: Backend, decider: Callable[[], Decider], pays: Pays = always) -> Engine:
        """Put an engine together."""
        draws = None
        if self.policy.drawn:
            # A sweep's own draws: query i at exit s has the same number in both.
            draws = self.policy.confidence(self.table.signals, np.random.default_rng([self.seed, 1]))
        return Engine(
            backend,
            self.gallery,
            self.policy,
            decider,
            self.costs,
            pays=pays,
            classifier=self.classifier,
            draws=draws,
            gallery_features=self.gallery_features,
        )

    def simulate(self, budget: Budget, thresholding: str, order: IntArray) -> IntArray:
        """Exits (N,) that a sweep gives queries ``order`` (K,) on the kept codes, by row of the table; −1 of others."""
        engine = self.engine(self.replay(), self.decider(budget, thresholding))
        exits = np.full(len(self.table), -1)
        exits[order] = engine.answer(order, self.table.signals.query_camids[order], order).exits
        return exits

    def replay(self) -> ReplayBackend:
        """Serve the kept embeddings of the table's queries."""
        features = self.table.signals.features
        return ReplayBackend(self.network.exits, self.query_codes, features.query if features else None)
