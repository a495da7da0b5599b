"""An export beside the network that it was made of: how far apart their embeddings are, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import registry
from bench.data.images import ImageStore
from bench.data.tracklets import entries
from bench.errors import BenchError
from bench.inference.backends.backend import Backend
from bench.inference.backends.by_name import open_backend
from bench.inference.export.card import ModelCard, read_card, verify_files
from bench.inference.export.run_images import RunImages
from bench.inference.export.trained import TrainedRun, weights_sha256
from bench.networks import ExitSpec
from bench.progress import SILENT, Reporter
from bench.retrieval.drawn import build_drawn_table, draws_of
from bench.retrieval.embed import Embeddings
from bench.retrieval.evaluate import exit_scores
from bench.retrieval.labels import labels_of
from bench.retrieval.tracklets import pool_tracklets

BATCH = 16
LARGEST_RELATIVE_DIFFERENCE = 1e-4
"""What float32 may be off by, as a share of the largest number of an embedding."""
REFERENCE = "torch"


@dataclass(frozen=True)
class ExitDifference:
    """One exit of one backend beside the network in float32.

    Of a binary exit ``flipped`` of ``bits`` differ. Of a continuous one ``absolute`` is the largest difference of two
    numbers, ``relative`` the largest share that it is of the largest number of its embedding. ``rank_1`` and
    ``mean_ap`` are the backend's, ``reference_rank_1`` and ``reference_mean_ap`` the network's, from 0 to 1, where both
    were evaluated.
    """

    backend: str
    precision: str
    exit: str
    bits: int | None = None
    flipped: int | None = None
    absolute: float | None = None
    relative: float | None = None
    rank_1: float | None = None
    mean_ap: float | None = None
    reference_rank_1: float | None = None
    reference_mean_ap: float | None = None

    @property
    def same(self) -> bool | None:
        """Whether a backend of float32 computes what the network does; None of other precisions, which are not held."""
        if self.precision != "float32":
            return None
        return not self.flipped and (self.relative is None or self.relative <= LARGEST_RELATIVE_DIFFERENCE)

    def to_json(self) -> dict[str, Any]:
        """Give the comparison as plain values."""
        return {**asdict(self), "same": self.same}


def checked_card(folder: Path, run: TrainedRun) -> ModelCard:
    """Read the card of an export and check its files, and that it is of this run with the weights that it has now.

    Raises :class:`BenchError` where it is not.
    """
    card = read_card(folder)
    verify_files(folder, card)
    if card.run != run.key:
        raise BenchError(
            f"{folder} is an export of run {card.run[:12]}, not of {run.key[:12]} ({run.folder.path.name})"
        )
    if card.weights_sha256 != weights_sha256(run.network):
        raise BenchError(
            f"{run.folder.path.name} has been trained again since {folder} was written: the weights differ; export it "
            "again: bench model export"
        )
    return card


def installed_backends(card: ModelCard) -> list[str]:
    """Name the backends that can run an export here."""
    wanted = "export" if card.form == "onnx" else "network"
    kinds = [registry.backend(name) for name in registry.names("backend")]
    return [kind.name for kind in kinds if kind.reads == wanted and kind.installed and kind.name != "torch-compile"]


def check_export(
    folder: Path,
    run: TrainedRun,
    images: NDArray[np.float32],
    backends: Sequence[str],
    *,
    threads: int | None = None,
    data: RunImages | None = None,
    reporter: Reporter = SILENT,
) -> list[ExitDifference]:
    """Compare backends on an export with the network of its run, on normalised ``images`` (N, 3, H, W).

    With ``data``, both also rank the run's gallery for its queries at every exit. Everything runs on the processor.
    """
    reference = open_backend(REFERENCE, run.network, threads=threads, device="cpu")
    expected = _embed(reference, _cut(images))
    expected_scores = _scores(reference, data, reporter) if data else None
    differences = []
    for name in backends:
        backend = open_backend(name, folder, threads=threads, device="cpu")
        found = _embed(backend, _cut(images))
        scores = _scores(backend, data, reporter) if data else None
        for index, spec in enumerate(backend.exits):
            difference = ExitDifference(
                name, backend.precision, spec.name, **_apart(found[index], expected[index], spec)
            )
            if scores and expected_scores:
                (rank_1, mean_ap), (reference_rank_1, reference_mean_ap) = scores[index], expected_scores[index]
                difference = replace(
                    difference,
                    rank_1=rank_1,
                    mean_ap=mean_ap,
                    reference_rank_1=reference_rank_1,
                    reference_mean_ap=reference_mean_ap,
                )
            differences.append(difference)
    return differences


def _apart(found: NDArray[Any], expected: NDArray[Any], spec: ExitSpec) -> dict[str, Any]:
    """Say how far two embeddings (N, …) of an exit are apart."""
    if spec.code == "binary":
        return {"bits": len(found) * spec.dim, "flipped": int(np.bitwise_count(found ^ expected).sum())}
    gaps, largest = np.abs(found - expected).max(axis=1), np.abs(expected).max(axis=1)
    relative = gaps / np.maximum(largest, np.finfo(np.float32).tiny)
    return {"absolute": float(gaps.max()), "relative": float(relative.max())}


def _cut(images: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    for first in range(0, len(images), BATCH):
        yield images[first : first + BATCH]


def _embed(backend: Backend, batches: Iterator[NDArray[np.float32]]) -> Embeddings:
    parts: list[list[NDArray[Any]]] = [[] for _ in backend.exits]
    for batch in batches:
        state = backend.start(batch)
        for index, part in enumerate(parts):
            state, embedding = backend.step(state, index)
            part.append(embedding)
    return [np.concatenate(part) for part in parts]


def _scores(backend: Backend, data: RunImages, reporter: Reporter) -> list[tuple[float, float]]:
    """Rank-1 and mAP at every exit."""
    embeddings: list[Embeddings] = []
    labels: list[NDArray[np.int64]] = []
    for title, store in (("query", data.query), ("gallery", data.gallery)):
        with reporter.task(f"{backend.name}: {title}", len(store.samples), unit="images") as task:

            def watched(store: ImageStore = store, task: Any = task) -> Iterator[NDArray[np.float32]]:
                for batch in data.batches(store, BATCH):
                    yield batch
                    task.advance(len(batch))

            embeddings.append(pool_tracklets(_embed(backend, watched()), store.samples))
        kept = entries(store.samples)
        labels += labels_of(kept)
    table = build_drawn_table(draws_of(kept), backend.exits, *embeddings, *labels)
    return [(float(score["rank-1"]), float(score["mAP"])) for score in exit_scores(table)]
