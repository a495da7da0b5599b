"""A finished run's embeddings as a file that anybody can score: ``bench evaluate`` of it gives the run's records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.dataset import DatasetRequest
from bench.data.tracklets import entries
from bench.errors import BenchError
from bench.evaluation.checks import CALIBRATION, PARTS, TRAINING
from bench.evaluation.file import write_embeddings
from bench.inference.opening import open_run
from bench.progress import SILENT, Reporter
from bench.retrieval.classify import class_entropies
from bench.retrieval.drawn import draws_of
from bench.retrieval.labels import cameras
from bench.running.context import RunContext
from bench.running.fitting import load_retrieval_history, obtain_features, split_labels
from bench.running.stages import obtain_embeddings, obtain_network
from bench.runs.finding import KeptRun, read_run
from bench.runs.finished import Run
from bench.runs.folder import RunFolder

AS_ON_RECORD = ("rendered", "counts")
"""What the records say of the data, and the file repeats."""


def write_run_embeddings(
    folder: RunFolder,
    path: Path,
    data: DatasetRequest,
    cache: Path,
    *,
    cost: str | None = None,
    device: str = "auto",
    reporter: Reporter = SILENT,
) -> None:
    """Write all that the evaluation of a finished run needs, with its costs as the newest records have them.

    ``cost`` names other records, those of a sweep over that cost. Raises BenchError where the run is not finished or
    not scored, its data is not at hand, or the file cannot be written.
    """
    scored = _scored(read_run(folder), cost)
    context = open_run(folder, data, cache, device, reporter)
    arrays, classes = _arrays(context, scored)
    write_embeddings(path, arrays, {**_about(scored), **({"classes": classes} if classes else {})})


def _scored(run: KeptRun, cost: str | None) -> Run:
    """Choose the records whose costs go into the file: the newest, or the newest over a cost."""
    fitting = [one for one in run.scored if cost is None or one.cost["name"] == cost]
    if not fitting:
        over = f" over {cost}" if cost else ""
        raise BenchError(
            f"{run.name} has no records{over}: the bench run that trained it, with --budget-sweep, makes them"
        )
    return fitting[0]


def _about(scored: Run) -> dict[str, Any]:
    """Describe the run as its records do."""
    header = scored.shown.header
    return {
        "name": scored.spec["method"],
        "dataset": scored.spec["dataset"],
        "fingerprint": scored.spec["fingerprint"],
        "seed": scored.seed,
        "cost": dict(scored.cost),
        "exits": [dict(row) for row in header["exits"]],
        "views": scored.evaluation.get("views", "centre"),
        **{name: header["dataset"][name] for name in AS_ON_RECORD if name in header["dataset"]},
        **{name: header[name] for name in ("method", "cost_convention", "training") if header.get(name)},
        "run": {"key": scored.key, "spec": dict(scored.spec)},
    }


def _arrays(context: RunContext, scored: Run) -> tuple[dict[str, NDArray[Any]], int]:
    """Give every array of the file, and how many training identities the network's classifier knows; 0 without one."""
    classes = 0
    network = obtain_network(context)
    codes = obtain_embeddings(context, network, scored.evaluation.get("views", "centre"))
    held_out = bool(context.spec.calibration_share)
    rows = sorted((row for row in scored.shown.records if row["kind"] == "exit"), key=lambda row: row["exit"])
    arrays: dict[str, NDArray[Any]] = {"costs": np.array([row["realised_cost"] for row in rows])}
    for prefix in ("", "calibration_") if held_out else ("",):
        for part, (pids, camids) in zip(("query", "gallery"), split_labels(context, prefix), strict=True):
            name = f"{prefix}{part}"
            arrays |= {f"{name}.{index}": values for index, values in enumerate(codes[name])}
            arrays |= {f"{name}.pids": pids, f"{name}.camids": cameras(camids)}
            if camids.ndim > 1:
                arrays[f"{name}.clothes"] = camids[:, 1]
            draws = draws_of(entries(context.stores.gallery.samples))
            if name == "gallery" and draws.shape[1]:
                arrays["gallery.draws"] = draws
        entropy = None if context.spec.as_is else class_entropies(network, codes[f"{prefix}query"])
        if entropy:
            arrays[f"{prefix}query.entropy"], classes = entropy
    if context.folder.features.exists() and context.folder.retrieval_history.exists():
        arrays |= _learned_from(context, obtain_features(context, network), held_out)
    return arrays, classes


def _learned_from(context: RunContext, features: Mapping[str, NDArray[Any]], held_out: bool) -> dict[str, NDArray[Any]]:
    """What policies learn from that read the course of training, where some sweep of the run had one of them."""
    found = {TRAINING[0]: load_retrieval_history(context)}
    found |= {TRAINING[1]: features["training"], TRAINING[2]: features["neighbours"]}
    return found | {f"{part}.features": features[part] for part in PARTS if held_out or part not in CALIBRATION}
