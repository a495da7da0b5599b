"""A run from start to end: data, training, codes, costs, exit table, sweep, records.

What is already there is found by key and used; a second run of the same thing does nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bench import registry
from bench.budget.sweep import exit_records, sweep
from bench.data.dataset import ReidDataset
from bench.data.images import dataset_fingerprint, open_store
from bench.data.tracklets import entries
from bench.data.views import VIEW_COUNTS
from bench.errors import BenchError
from bench.progress import SILENT, Reporter
from bench.request import RunRequest
from bench.spec import SweepSpec, digest
from bench.store import RunFolder, read_json, read_records, write_records

if TYPE_CHECKING:
    from bench.budget.policy import Policy
    from bench.retrieval.table import Signals
    from bench.stages import Workbench

EXIT_SCORES = SweepSpec(policies=())
"""What a run without a sweep records: the exits alone, with the same bootstrap."""


@dataclass(frozen=True)
class RunResult:
    """What a run came to: where it is, what its records say, and whether they were there already."""

    folder: RunFolder
    header: Mapping[str, Any]
    records: list[dict[str, Any]]
    cached: bool


def run(request: RunRequest, reporter: Reporter = SILENT) -> RunResult:
    """Do what is asked for, or find it done."""
    method, _, recipe = request.resolve()
    for name in request.sweep.policies if request.sweep else ():
        registry.policy(name)
    dataset = registry.dataset(request.dataset).open(request.data, reporter)
    stores = [
        open_store(frames, recipe.stored_size, request.cache / "images", reporter)
        for frames in (dataset.train, dataset.query, dataset.gallery)
    ]
    spec = request.spec(dataset.name, dataset_fingerprint(*stores))
    folder = RunFolder.open(request.results, spec)
    with folder.alone():
        if request.fresh:
            folder.clear()
        wanted = request.sweep or EXIT_SCORES
        path = folder.records(digest([request.evaluation.key, wanted.key]))
        if path.exists():
            header, records = read_records(path)
            reporter.note(f"results found in {path}")
            return RunResult(folder, header, records, cached=True)
        # Only now is there something to compute: torch is slow to import.
        from bench.stages import Stores, Workbench

        bench = Workbench.set_up(spec, method, Stores(*stores), folder, request.device, reporter)
        header, records = _compute(request, bench, dataset)
        write_records(path, header, records)
        return RunResult(folder, header, records, cached=False)


def _compute(
    request: RunRequest, bench: Workbench, dataset: ReidDataset
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    from bench.retrieval.evaluate import exit_scores
    from bench.stages import obtain_ledger, obtain_network, obtain_tables

    network = obtain_network(bench)
    ledger = obtain_ledger(bench, network).with_views(VIEW_COUNTS[request.evaluation.views])
    table, calibration = obtain_tables(bench, network, request.evaluation)
    costs = ledger.cumulative_macs.astype(float)
    if request.sweep and len(costs) == 1:
        bench.reporter.note(f"{request.method} has one exit: there is no budget to sweep, it is scored as a point")
    if request.sweep and len(costs) > 1:
        policies = _applicable(request, table.signals, bench.reporter)
        bench.reporter.note(f"sweeping {len(policies)} policies")
        records = sweep(table, costs, request.sweep, policies, calibration.signals if calibration else None)
    else:
        records = exit_records(table, costs, EXIT_SCORES.resamples, EXIT_SCORES.seed)
    for record, scores in zip(records, exit_scores(table), strict=False):
        record |= {"mAP_ties_low": scores["mAP_pessimistic"], "mAP_ties_high": scores["mAP_optimistic"]}
    training = read_json(bench.folder.training)
    header = {
        "run": bench.spec.key,
        "spec": bench.spec.to_json(),
        "evaluation": asdict(request.evaluation),
        "sweep": (request.sweep or EXIT_SCORES).to_json(),
        "dataset": {
            "name": dataset.name,
            "rendered": dataset.rendered,
            "counts": _counts(dataset, training, calibration),
        },
        "method": {name: getattr(bench.method, name) for name in ("name", "summary", "paper", "faithful", "differs")},
        "exits": ledger.rows(),
        "cost_convention": ledger.convention,
        "training": training,
        "calibration": exit_scores(calibration) if calibration else None,
        "provenance": bench.provenance(),
    }
    return header, records


def _applicable(request: RunRequest, signals: Signals, reporter: Reporter) -> list[Policy]:
    """Load the policies of a sweep; those that this method gives nothing to read are left out, with a note."""
    assert request.sweep is not None
    policies = [registry.policy(name) for name in request.sweep.policies]
    applicable = [policy for policy in policies if policy.applies(signals)]
    for policy in policies:
        if policy not in applicable:
            reporter.note(f"policy {policy.name} left out: {request.method} gives nothing for it to read")
    if not applicable:
        raise BenchError(
            f"none of the policies {', '.join(request.sweep.policies)} applies to {request.method}: "
            "they find nothing to read; bench list policies says what each needs"
        )
    return applicable


def _counts(dataset: ReidDataset, training: Mapping[str, Any], calibration: Any) -> dict[str, int]:
    frames = (*dataset.train, *dataset.query, *dataset.gallery)
    tracklets = {
        f"{split} tracklets": len(entries(frames))
        for split, frames in (("query", dataset.query), ("gallery", dataset.gallery))
        if frames[0].tracklet is not None
    }
    return {
        "training images": training["images"],
        "training identities": training["identities"],
        "calibration queries": len(calibration) if calibration else 0,
        "query images": len(dataset.query),
        "query identities": len({frame.pid for frame in dataset.query}),
        "gallery images": len(dataset.gallery),
        "cameras": len({frame.camid for frame in frames}),
        **tracklets,
    }
