"""Accepted pairs of every exit, counted once and kept with the run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.budget.verification import verification_records
from bench.data.views import Views
from bench.files import read_arrays, write_arrays
from bench.progress import Reporter
from bench.retrieval.labels import JUNK_PID
from bench.retrieval.same_person import AcceptedPairs, accepted_pairs
from bench.retrieval.table import IntArray
from bench.running.keep import obtain
from bench.running.request import RunRequest
from bench.running.result import RunResult
from bench.runs.folder import RunFolder
from bench.spec import EvaluationSpec

if TYPE_CHECKING:
    from bench.networks import MultiExitNetwork
    from bench.retrieval.embed import Embeddings
    from bench.running.context import RunContext

Codes = Callable[[], tuple[Sequence[NDArray[Any]], Sequence[NDArray[Any]]]]
"""Codes of the queries and of the gallery at each exit, fetched where they are needed."""
Labels = tuple[IntArray, IntArray]
"""Identities and cameras."""


def obtain_pairs(
    folder: RunFolder, views: Views, codes: Codes, query: Labels, gallery: Labels, reporter: Reporter
) -> tuple[AcceptedPairs, ...]:
    """Give the accepted pairs of each exit, of these views of the images; none where all show one person."""
    if len(np.setdiff1d(np.union1d(query[0], gallery[0]), [JUNK_PID])) < 2:
        reporter.note("same person or not: all images show one identity, so no two can be told apart")
        return ()

    def make() -> tuple[AcceptedPairs, ...]:
        reporter.note("comparing every query with every gallery image, pair by pair")
        return tuple(accepted_pairs(*of_exit, *query, *gallery) for of_exit in zip(*codes(), strict=True))

    return obtain(folder.pairs(views), _read, make, _write, reporter, source=folder.source)


def _write(pairs: Sequence[AcceptedPairs], path: Path, source: str) -> None:
    arrays = {f"{name}.{index}": value for index, one in enumerate(pairs) for name, value in asdict(one).items()}
    write_arrays(path, arrays, compressed=True, source=source)


def _read(path: Path) -> tuple[AcceptedPairs, ...]:
    stored = read_arrays(path)
    exits = sum(name.startswith("impostors.") for name in stored)
    if not exits:
        raise KeyError("impostors.0")
    names = ("distances", "rows", "below", "within")
    return tuple(
        AcceptedPairs(
            **{name: stored[f"{name}.{index}"] for name in names}, impostors=int(stored[f"impostors.{index}"])
        )
        for index in range(exits)
    )


def run_verification(request: RunRequest, context: RunContext, network: MultiExitNetwork) -> list[dict[str, Any]]:
    """Compare queries and gallery of a trained run pair by pair: records of every exit."""
    from bench.running.fitting import split_labels
    from bench.running.stages import obtain_embeddings

    views, sweep = request.evaluation.views, request.scoring

    def codes() -> tuple[Embeddings, Embeddings]:
        embeddings = obtain_embeddings(context, network, views)
        return embeddings["query"], embeddings["gallery"]

    query, gallery = split_labels(context, "")
    pairs = obtain_pairs(context.folder, views, codes, query, gallery, context.reporter)
    return verification_records(pairs, query[0], sweep.resamples, sweep.seed)


def lacks_verification(kept: RunResult, path: Path, evaluation: EvaluationSpec) -> bool:
    """Whether records at ``path`` were kept before pairs were compared, and the codes that tell them are kept."""
    folder = kept.folder
    needed = (folder.weights, folder.training, folder.embeddings(evaluation.views))
    there = any(record["kind"] == "verification" for record in kept.records)
    # Where everybody is one person, nothing can be added, and that is not tried again.
    if there or "verification" in (kept.header.get("added") or {}) or not all(file.exists() for file in needed):
        return False
    return os.access(path, os.W_OK) and os.access(folder.path, os.W_OK)


def with_verification(
    request: RunRequest, context: RunContext, header: Mapping[str, Any], records: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Give header and records with the verification of every exit; the header says where it was added."""
    from bench.running.stages import obtain_network

    context.reporter.note("adding verification, same person or not, which these records were kept without")
    added = run_verification(request, context, obtain_network(context))
    kept = {name: value for name, value in header.items() if name not in ("type", "schema")}
    told = {**(header.get("added") or {}), "verification": context.provenance()}
    return {**kept, "added": told}, [*map(dict, records), *added]
