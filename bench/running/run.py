"""A run from start to end: data, training, codes, costs, exit table, sweep, records.

What is already there is found by key and used; a second run of the same thing does nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import registry
from bench.budget.sweep import extra_records
from bench.data.dataset import ReidDataset
from bench.data.images import dataset_fingerprint, open_store
from bench.data.tracklets import entries
from bench.data.views import VIEW_COUNTS
from bench.deadline import NEVER, Deadline
from bench.precision import PRECISIONS
from bench.progress import SILENT, Reporter
from bench.retrieval.drawn import draws_of, protocol, scored_counts
from bench.retrieval.labels import labels_of
from bench.running.auc import lacks_auc, with_auc
from bench.running.keep import whole
from bench.running.request import RunRequest
from bench.running.result import RunResult, Scored, obtain_result, policy_versions, records_path
from bench.running.scoring import sweep_records, table_records
from bench.running.verifying import lacks_verification, run_verification, with_verification
from bench.runs.folder import RunFolder
from bench.spec import RunSpec, digest

if TYPE_CHECKING:
    from bench.budget.policy import LearnedPolicy, Policy
    from bench.cost.axes.contract import Cost, Measurement
    from bench.data.images import ImageStore
    from bench.methods import Method
    from bench.running.context import RunContext


Answer = Callable[[RunFolder], Path]
"""Names the results of a request in a run's folder."""


@dataclass(frozen=True)
class Opened:
    """A request with its data read and its folder named: what comes before anything is computed.

    Nothing is written under the results folder yet.
    """

    request: RunRequest
    method: Method
    spec: RunSpec
    dataset: ReidDataset
    stores: tuple[ImageStore, ImageStore, ImageStore]
    folder: RunFolder

    @classmethod
    def of(cls, request: RunRequest, reporter: Reporter, answer: Answer | None = None) -> Opened:
        """Open the dataset, decode its images where they are not, and name the run's folder.

        ``answer`` names the file in a folder that may answer the request without anything being computed. Raises
        BenchError where the request, the data or the cache is not as it should be.
        """
        method, _, recipe = request.resolve()
        request.check_weights()
        dataset = registry.dataset(request.dataset).open(request.data, reporter)
        train, query, gallery = (
            open_store(samples, recipe.stored_size, request.cache / "images", reporter)
            for samples in (dataset.train, dataset.query, dataset.gallery)
        )
        fingerprint = dataset_fingerprint(train, query, gallery)
        spec = _answered_spec(request, dataset.name, fingerprint, answer) or _begun_spec(
            request, request.spec(dataset.name, fingerprint), reporter
        )
        return cls(request, method, spec, dataset, (train, query, gallery), RunFolder.of(request.results, spec))

    def workbench(self, reporter: Reporter, deadline: Deadline = NEVER) -> RunContext:
        """Set up what the stages need, with the folder held (:meth:`RunFolder.alone`).

        Only now is there something to compute: torch is slow to import. Raises BenchError where nothing can be written.
        """
        from bench.running.context import RunContext, Stores

        self.folder.describe(self.spec)
        stores = Stores(*self.stores)
        device, ranks = self.request.device, self.request.ranks
        if ranks.world_size == 1:
            return RunContext.set_up(self.spec, self.method, stores, self.folder, device, reporter, deadline)
        from bench.running.calling import calling

        call = calling(self.request)
        return RunContext.set_up(self.spec, self.method, stores, self.folder, device, reporter, deadline, ranks, call)


def _answered_spec(request: RunRequest, dataset: str, fingerprint: str, answer: Answer | None) -> RunSpec | None:
    """Give the spec of the one precision in which the run was begun, where its answer is there; None elsewhere.

    Which precision suits this machine does not matter then, and asking takes as long as importing torch.
    """
    if request.precision != "auto" or request.fresh or answer is None:
        return None
    specs = [replace(request, precision=precision).spec(dataset, fingerprint) for precision in PRECISIONS]
    begun = [(spec, folder) for spec in specs if (folder := RunFolder.of(request.results, spec)).begun]
    return begun[0][0] if len(begun) == 1 and answer(begun[0][1]).exists() else None


def _begun_spec(request: RunRequest, here: RunSpec, reporter: Reporter) -> RunSpec:
    """Give the spec to go on with: in the precision that suits this machine, or in that of a run begun elsewhere.

    A precision that the user named stands, and a fresh start has nothing to go on from.
    """
    if request.precision != "auto" or request.fresh or RunFolder.of(request.results, here).begun:
        return here
    for precision in PRECISIONS:
        other = replace(here, precision=precision)
        if RunFolder.of(request.results, other).begun:
            reporter.note(
                f"going on in {precision}, in which this run began; --precision {here.precision}, which suits this "
                "machine, would be another run"
            )
            return other
    return here


def run(request: RunRequest, reporter: Reporter = SILENT, deadline: Deadline = NEVER) -> RunResult:
    """Do what is asked for, or find it done.

    Results that are found are read without a lock, and nothing is written. Raises BenchError for whatever the user can
    mend: in the request, in the data, in the folders. Raises TimeIsUp where ``deadline`` comes first; the same request
    goes on from what is kept, to the same records.
    """
    policies = request.policies()
    cost, measurement = request.cost()
    # Measured again, or counted otherwise, it is another sweep.
    priced = [digest(measurement)] if measurement else []
    priced += [f"version {cost.version}"] if cost.version > 1 else []

    def answer(folder: RunFolder) -> Path:
        return records_path(folder, request.evaluation, request.scoring, policies, priced)

    opened = Opened.of(request, reporter, answer)

    def make() -> Scored:
        return _compute(request, opened.workbench(reporter, deadline), opened.dataset, policies, cost, measurement)

    def lacking(kept: RunResult) -> tuple[bool, bool]:
        path = answer(kept.folder)
        return (
            lacks_auc(kept.records, kept.folder, path, request.evaluation),
            lacks_verification(kept, path, request.evaluation),
        )

    def add(kept: RunResult) -> Scored:
        scored, context = (dict(kept.header), kept.records), opened.workbench(reporter)
        no_auc, no_verification = lacking(kept)
        if no_auc:
            scored = with_auc(request, context, policies, *scored)
        return with_verification(request, context, *scored) if no_verification else scored

    return obtain_result(
        opened.folder,
        answer(opened.folder),
        make,
        reporter,
        fresh=request.fresh,
        lacks=lambda kept: any(lacking(kept)),
        add=add,
    )


def _compute(
    request: RunRequest,
    context: RunContext,
    dataset: ReidDataset,
    policies: Sequence[Policy | LearnedPolicy],
    cost: Cost,
    measurement: Measurement | None,
) -> Scored:
    from bench.retrieval.evaluate import exit_scores
    from bench.running.fitting import ready_policies
    from bench.running.stages import obtain_ledger, obtain_network, read_training
    from bench.running.tables import obtain_tables

    network = obtain_network(context)
    ledger = obtain_ledger(context, network).with_views(VIEW_COUNTS[request.evaluation.views])
    table, calibration = obtain_tables(context, network, request.evaluation)
    prices = cost.prices(ledger, measurement)
    costs = prices.ladder
    fitted = None
    if request.sweep and len(costs) == 1:
        context.reporter.note(f"{request.method} has one exit: there is no budget to sweep, it is scored as a point")
    if request.sweep and len(costs) > 1:
        fitted = ready_policies(
            context, network, policies, table, calibration, request.evaluation, leave_out=request.leave_out
        )
        context.deadline.check("the sweep")
        context.reporter.note(f"sweeping {len(fitted.policies)} policies")
        records = sweep_records(fitted, costs, request.sweep, prices.policy_mac, prices.search)
    else:
        records = table_records(table, costs)
    if request.extras and network.extras:
        from bench.running.extras import obtain_extras

        # Nothing less than the whole network has been run where they are at hand.
        for name, extra in obtain_extras(context, network, request.evaluation):
            records += extra_records(name, extra, costs[-1], request.scoring.resamples, request.scoring.seed)
    records += run_verification(request, context, network)
    training = whole(context.folder.training, read_training, context.reporter)
    differing = protocol(labels_of(dataset.query)[1], draws_of(dataset.gallery))
    header = {
        "run": context.spec.key,
        "spec": context.spec.to_json(),
        "evaluation": asdict(request.evaluation),
        "evaluation_key": request.evaluation.key,
        "sweep": request.scoring.to_json(),
        "cost": cost.header(prices),
        "dataset": {
            "name": dataset.name,
            "rendered": dataset.rendered,
            "counts": _counts(dataset, training, calibration)
            | scored_counts(table, len(entries(dataset.query)), draws_of(dataset.gallery)),
            **({"protocol": differing} if differing else {}),
        },
        "method": {name: getattr(context.method, name) for name in ("name", "summary", "paper", "faithful")}
        | {"differs": request.differs},
        "exits": ledger.rows(),
        "cost_convention": ledger.convention,
        "training": training,
        "calibration": exit_scores(calibration) if calibration else None,
        "learned": fitted.reports if fitted else {},
        "left_out": fitted.left_out if fitted else {},
        "policy_versions": policy_versions(policies),
        "provenance": context.provenance(),
    }
    return header, records


def _counts(dataset: ReidDataset, training: Mapping[str, Any], calibration: Any) -> dict[str, int]:
    samples = (*dataset.train, *dataset.query, *dataset.gallery)
    tracklets = {
        f"{split} tracklets": len(entries(samples))
        for split, samples in (("query", dataset.query), ("gallery", dataset.gallery))
        if samples[0].tracklet is not None
    }
    return {
        "training images": training["images"],
        "training identities": training["identities"],
        "calibration queries": len(calibration) if calibration else 0,
        "query images": len(dataset.query),
        "query identities": len({sample.pid for sample in dataset.query}),
        "gallery images": len(dataset.gallery),
        "cameras": len({sample.camid for sample in samples}),
        **tracklets,
    }
