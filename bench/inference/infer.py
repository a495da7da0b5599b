"""From what a user asks of ``bench infer`` to what is measured, and its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bench import provenance, registry
from bench.cost.energy import find_meter
from bench.errors import BenchError
from bench.files import SCHEMA_VERSION
from bench.inference.compaction import SIZES, StepProfile, measure_steps
from bench.inference.deployed import Budget, Deployed
from bench.inference.export.card import file_sha256
from bench.inference.gallery import load_gallery
from bench.inference.inputs import Inputs
from bench.inference.measuring import Contestant, Measured, measure, peak_memory_bytes, summary
from bench.inference.request import InferRequest
from bench.inference.scenarios import batch_size
from bench.inference.static import StaticExit
from bench.progress import SILENT, Reporter
from bench.retrieval.evaluate import matched_queries
from bench.spec import EVALUATION_VERSION, plain_number

if TYPE_CHECKING:
    from bench.inference.backends.backend import Backend
    from bench.networks import MultiExitNetwork
    from bench.retrieval.table import IntArray
    from bench.running.context import RunContext

CALIBRATION_IMAGES = 128
"""Images that fix the ranges of int8 graphs, where these are written for an engine."""
BOUND = 5.0
"""The server's latency bound, where none is given: so many times what one query takes, decoded and run to the end."""
PROFILE_SECONDS, FURTHER_SECONDS = 0.5, 0.2
"""How long the steps are timed at each batch size of a profile, and of those that occurred and were not known."""
DECODED = 8
"""Images whose decoding is timed for that."""


@dataclass(frozen=True)
class Opened:
    """A run with its backend: what engines and static networks are made of."""

    name: str
    key: str
    deployed: Deployed
    backend: Backend
    inputs: Inputs
    profile: StepProfile

    @classmethod
    def of(
        cls, context: RunContext, deployed: Deployed, request: InferRequest, batch: int, reporter: Reporter
    ) -> Opened:
        """Open a run's backend, load its query images, and measure its steps at batch sizes up to ``batch``.

        Raises :class:`BenchError` as :func:`open_steps` does.
        """
        backend = open_steps(context, deployed.network, request, reporter)
        inputs = Inputs.of_store(context.stores.query, deployed.rows, context.spec.recipe.input_size)
        reporter.note(f"measuring the steps of {context.folder.path.name} on {backend.name}")
        sizes = sorted({*(size for size in SIZES if size < batch), batch})
        profile = _timed(backend, inputs, sizes, PROFILE_SECONDS)
        return cls(context.folder.path.name, context.spec.key, deployed, backend, inputs, profile)

    def timed_as_run(self, measured: Sequence[Measured], reporter: Reporter) -> None:
        """Time the steps at the batch sizes that occurred, too, for what they promise: between sizes is no line."""
        own = [one for one in measured if one.contestant.profile is self.profile]
        further = sorted({size for one in own for size in one.sizes} - set(self.profile.sizes))
        if further:
            reporter.note(f"measuring the steps at {len(further)} more batch sizes, which occurred")
            profile = self.profile.joined(_timed(self.backend, self.inputs, further, FURTHER_SECONDS))
            for one in own:
                one.contestant = replace(one.contestant, profile=profile)

    def engine(self, budget: Budget, request: InferRequest, order: IntArray) -> Contestant:
        """Make the engine at a budget."""
        asked = self.deployed.engine(
            self.backend, self.deployed.decider(budget, request.thresholding), self.profile.pays
        )
        share = f"budget {budget.share:g}" if budget.share is not None else f"a = {budget.a:g}"
        label = {
            "kind": "engine",
            "run": self.key,
            "policy": request.policy,
            "budget": budget.share,
            "a": plain_number(budget.a),
            "requested_macs": budget.requested_macs,
        }
        simulated = self.deployed.simulate(budget, request.thresholding, order)
        name = f"{request.policy}, {share}"
        return Contestant(name, asked, self.inputs, self.deployed, self.profile, label, simulated)

    def static(self, exit_index: int, name: str, kind: str) -> Contestant:
        """Make the network that runs to one exit."""
        asked = StaticExit(
            self.backend, self.deployed.gallery, exit_index, float(self.deployed.network_costs[exit_index])
        )
        label = {"kind": kind, "run": self.key, "exit": self.backend.exits[exit_index].name}
        return Contestant(name, asked, self.inputs, self.deployed, self.profile, label)


def _timed(backend: Backend, inputs: Inputs, sizes: Sequence[int], seconds: float) -> StepProfile:
    rows = np.arange(max(sizes)) % len(inputs)
    return measure_steps(backend, inputs.prepared(rows), sizes, seconds)


def deploy(context: RunContext, policy: str, request: InferRequest) -> Deployed:
    """Fit a policy to a run, on its own gallery or on the one that is asked for.

    Raises :class:`BenchError` where that gallery is damaged or does not belong to the run.
    """
    kept = load_gallery(request.gallery) if request.gallery else None
    deployed = Deployed.of(context, policy, request.evaluation, request.seed)
    return deployed if kept is None else deployed.asking(kept)


def open_steps(context: RunContext, network: MultiExitNetwork, request: InferRequest, reporter: Reporter) -> Backend:
    """Open the backend on the run's network, or on its exported graphs, which are written first where they are not.

    Raises :class:`BenchError` where a package is missing, the export is that of another run or of weights that the run
    has no more, or graphs have to be written and the run's folder cannot be held.
    """
    from bench.inference.backends.by_name import open_backend

    options: dict[str, Any] = {"threads": request.threads, "device": request.device}
    kind = registry.backend(request.backend)
    if kind.reads == "network":
        return open_backend(request.backend, network, precision=request.precision or context.spec.precision, **options)
    folder = request.export
    if folder is None:
        from bench.inference.backends.backend import needed
        from bench.inference.export.run_images import RunImages
        from bench.inference.export.trained import read_trained
        from bench.inference.export.write import find_export, obtain_export

        for package in kind.packages:
            needed(package, kind.extra, f"backend {request.backend}")
        written = request.precision if request.precision in ("float16", "int8") else "float32"
        folder = context.folder.path / f"export-{written}"
        trained, stores = read_trained(context.folder), context.stores
        images = RunImages(trained, stores.train, stores.query, stores.gallery)
        calibration = partial(images.for_calibration, CALIBRATION_IMAGES)
        if find_export(trained, folder, written, reporter) is None:
            with context.folder.alone():
                obtain_export(trained, folder, precision=written, calibration=calibration, reporter=reporter)
    else:
        from bench.inference.export.check import checked_card
        from bench.inference.export.trained import read_trained

        checked_card(folder, read_trained(context.folder))
    return open_backend(request.backend, folder, precision=request.precision, **options)


def infer(
    request: InferRequest,
    context: RunContext,
    rivals: Sequence[RunContext] = (),
    reporter: Reporter = SILENT,
) -> dict[str, Any]:
    """Run budgets and rivals, and give the record: what was asked, on what, and everything that was measured.

    Rivals are the full network, each exit alone, and the last exits of other runs on the same queries.
    Raises :class:`BenchError` for what cannot be run so.
    """
    batch = batch_size(request.scenario, request.batch)
    if request.gallery is not None and rivals:
        raise BenchError("a rival answers from its own run's gallery, not from --gallery: leave out one of the two")
    for one in (context, *rivals):
        _refuse_tracklets(one)
    deployed = deploy(context, request.policy, request)
    budgets = [deployed.budget(share) for share in request.budgets]
    budgets += [deployed.parameter(a) for a in request.a_values]
    order = _order(deployed, request)
    for budget in budgets:
        deployed.decider(budget, request.thresholding)  # what cannot run is refused before anything is timed
    run = Opened.of(context, deployed, request, batch, reporter)
    last = len(run.backend.exits) - 1
    full = run.static(last, "full network", "full")
    contestants = [full, *(run.engine(budget, request, order) for budget in budgets)]
    contestants += [run.static(index, f"{run.backend.exits[index].name} alone", "exit") for index in range(last)]
    # An export is of the run alone: its rivals have graphs of their own, in the same precision.
    asked = replace(request, export=None, precision=run.backend.precision) if request.export else request
    for other in rivals:
        rival = Opened.of(other, deploy(other, "random", asked), asked, batch, reporter)
        _same_queries(run, rival)
        contestants.append(rival.static(len(rival.backend.exits) - 1, rival.name, "rival"))
    meter = find_meter(run.backend.device)
    bound = _bound(request, run) if request.scenario == "server" else None
    measured = measure(
        contestants,
        order,
        batch,
        meter,
        together=request.scenario == "multi-stream",
        rebatch=request.rebatch,
        rounds=request.rounds,
        seed=request.seed,
        bound=bound,
        reporter=reporter,
    )
    run.timed_as_run(measured, reporter)
    return _record(request, context, run, measured, order, batch, meter.counter)


def _refuse_tracklets(context: RunContext) -> None:
    if any(sample.tracklet is not None for sample in context.stores.query.samples):
        raise BenchError(
            f"queries of {context.spec.dataset} are tracklets, and an engine answers single images: name a run of "
            "another set, or ask images of your own with --images"
        )


def _order(deployed: Deployed, request: InferRequest) -> IntArray:
    """The order of the queries that have a match: the sweep's first shuffle for a stream, else the table's."""
    count = len(deployed.table)
    order = np.arange(count)
    if registry.thresholding(request.thresholding).order_matters:
        order = np.random.default_rng([request.seed, 3, 0]).permutation(count)
    table, gallery = deployed.table, deployed.gallery
    try:
        matched = matched_queries(table.outcomes.query_pids, table.signals.query_camids, gallery.pids, gallery.camids)
    except BenchError:
        raise BenchError(
            "no test query of the run has a match in this gallery, so that no answer can be scored; ask images of your "
            "own with --images"
        ) from None
    return order[np.isin(order, matched)][: request.queries]


def _bound(request: InferRequest, run: Opened) -> float:
    if request.latency_bound is not None:
        return request.latency_bound
    decoding = [run.inputs.decoded(np.array([row % len(run.inputs)]))[1] for row in range(DECODED)]
    network = sum(run.profile.step(index, 1) for index in range(len(run.backend.exits)))
    return BOUND * (float(np.median(decoding)) + network)


def _same_queries(run: Opened, rival: Opened) -> None:
    ours, theirs = run.deployed.table, rival.deployed.table
    if not np.array_equal(ours.outcomes.query_pids, theirs.outcomes.query_pids) or not np.array_equal(
        ours.signals.query_camids, theirs.signals.query_camids
    ):
        raise BenchError(f"rival {rival.name} was evaluated on other queries than {run.name}: name a run of one set")


def _record(
    request: InferRequest,
    context: RunContext,
    run: Opened,
    measured: Sequence[Measured],
    order: IntArray,
    batch: int,
    counter: str,
) -> dict[str, Any]:
    backend = run.backend
    return {
        "schema": SCHEMA_VERSION,
        "run": context.spec.key,
        "name": run.name,
        "method": context.spec.method,
        "preset": context.spec.preset,
        "dataset": context.spec.dataset,
        "scenario": request.scenario,
        "batch": batch,
        "policy": request.policy,
        "thresholding": request.thresholding,
        "queries": len(order),
        "gallery": len(run.deployed.gallery),
        "kept_gallery": file_sha256(request.gallery) if request.gallery else None,
        "rounds": request.rounds,
        "seed": request.seed,
        "evaluation": asdict(request.evaluation),
        **({"latency_bound": request.latency_bound} if request.latency_bound is not None else {}),
        "engine": {
            "backend": backend.name,
            "precision": backend.precision,
            "threads": backend.threads,
            "device": backend.device,
            **({"rebatched": True} if request.rebatch else {}),
        },
        "profile": measured[0].contestant.profile.to_json(),
        "counter": counter,
        "peak_memory_bytes": peak_memory_bytes(),
        "contestants": [summary(one, measured[0], order) for one in measured],
        "provenance": provenance.collect(
            device=backend.device,
            precision=backend.precision,
            threads=backend.threads,
            versions={"evaluation": EVALUATION_VERSION},
        ),
    }
