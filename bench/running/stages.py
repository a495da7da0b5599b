"""The expensive parts of a run, each done once and kept: train, embed, price, tabulate.

Every stage looks for its files first, says so when it finds them, and writes them when it does not.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from bench import provenance
from bench.cost.ledger import CostLedger
from bench.data.dataset import ImageSample
from bench.data.images import ImageStore
from bench.data.split import hold_out, relabel
from bench.data.tracklets import entries
from bench.data.views import Views
from bench.device import DeviceImages, device_name, open_device, precision_name
from bench.errors import BenchError
from bench.files import AGAIN, read_arrays, read_json, replacing, write_json
from bench.methods import Method
from bench.networks import MultiExitNetwork
from bench.progress import Reporter
from bench.retrieval.classify import class_entropies
from bench.retrieval.embed import Embeddings, embed_images
from bench.retrieval.evaluate import build_table
from bench.retrieval.table import ExitTable
from bench.retrieval.table_file import load_table, save_table
from bench.retrieval.tracklets import pool_tracklets
from bench.runs.folder import RunFolder
from bench.spec import EVALUATION_VERSION, TRAINING_VERSION, EvaluationSpec, RunSpec
from bench.training.loop import train
from bench.training.retrieval_history import TrainingImages

LABELS = ("pid", "camid")


@dataclass(frozen=True)
class Stores:
    """The decoded images of the three splits."""

    train: ImageStore
    query: ImageStore
    gallery: ImageStore


@dataclass(frozen=True)
class RunContext:
    """What every stage of one run needs."""

    spec: RunSpec
    method: Method
    stores: Stores
    folder: RunFolder
    fabric: Fabric
    reporter: Reporter

    @classmethod
    def set_up(
        cls, spec: RunSpec, method: Method, stores: Stores, folder: RunFolder, device: str, reporter: Reporter
    ) -> RunContext:
        """Open the device and hold the parts together."""
        return cls(spec, method, stores, folder, open_device(device, spec.precision), reporter)

    def provenance(self) -> dict[str, Any]:
        """Tell what a result computed here and now comes from."""
        return provenance.collect(
            device=device_name(self.fabric),
            precision=precision_name(self.fabric),
            threads=torch.get_num_threads(),
            versions={"training": TRAINING_VERSION, "evaluation": EVALUATION_VERSION},
        )

    def held_out(self) -> tuple[Sequence[ImageSample], Sequence[ImageSample], Sequence[ImageSample]]:
        """Split the training images: those trained on, and the calibration identities' queries and gallery."""
        return hold_out(self.stores.train.samples, self.spec.calibration_share, self.spec.seed)

    def calibration(self) -> tuple[Sequence[ImageSample], Sequence[ImageSample]]:
        """Queries of the calibration identities, and their gallery: their other images, and all training images.

        Without the latter the gallery would be a fraction of the test's, nobody would resemble a query, and thresholds
        fitted there would let go far too many.
        """
        training, query, gallery = self.held_out()
        return query, (*gallery, *training) if query else ()


def obtain_network(context: RunContext) -> MultiExitNetwork:
    """Give the trained network: loaded if it is there, else trained, going on from the last whole epoch."""
    folder, spec = context.folder, context.spec
    samples, _, _ = context.held_out()
    labels = relabel(samples)
    options = dict(spec.network)
    finished = folder.weights.exists() and folder.training.exists()
    if finished or folder.checkpoint.exists():
        # The parameters come from the run's own files; pretrained ones would be overwritten.
        options["weights"] = "none"
    torch.manual_seed(spec.seed)
    network = context.method.build(options, int(labels.max()) + 1, spec.recipe.input_size)
    if finished:
        context.reporter.note(f"trained network found in {folder.path}")
        network.load_state_dict(load_file(folder.weights))
        return context.fabric.to_device(network).to(memory_format=torch.channels_last)
    training_frames = TrainingImages(
        images=DeviceImages(context.stores.train, context.fabric, spec.recipe.input_size),
        indices=context.stores.train.indices(samples),
        pids=np.array([sample.pid for sample in samples]),
        camids=np.array([sample.camid for sample in samples]),
        labels=labels,
    )
    trained = train(
        network,
        lambda outputs, labels: context.method.loss(outputs, labels, spec.network),
        training_frames,
        spec.recipe,
        seed=spec.seed,
        key=spec.key,
        checkpoint=folder.checkpoint,
        fabric=context.fabric,
        validate=lambda: _validate(context, network),
        reporter=context.reporter,
    )
    names = np.array(sample_names(samples))
    with replacing(folder.retrieval_history) as beside, beside.open("wb") as file:
        np.savez_compressed(
            file, retrieval_history=trained.retrieval_history, epochs=np.array(trained.measured_epochs), samples=names
        )
    write_json(
        folder.training,
        {
            "epochs": len(trained.history),
            "history": trained.history,
            "validation": trained.validation,
            "seconds": sum(epoch["seconds"] for epoch in trained.history),
            "images": len(samples),
            "identities": training_frames.num_identities,
            "provenance": context.provenance(),
        },
    )
    # The weights come last: a run with weights is a run that was trained.
    with replacing(folder.weights) as beside:
        state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
        save_file(state, beside)
    folder.checkpoint.unlink(missing_ok=True)
    return network


def sample_names(samples: Sequence[ImageSample]) -> list[str]:
    """Name images by file and folder, wherever the dataset lies."""
    return [str(sample.path.relative_to(sample.path.parent.parent)) for sample in samples]


def _validate(context: RunContext, network: MultiExitNetwork) -> float:
    """Score a network that is being trained: mAP at its last exit on the calibration identities."""
    _, query, gallery = context.held_out()
    store = context.stores.train
    images = DeviceImages(store, context.fabric, context.spec.recipe.input_size)
    queries, others = (
        embed_images(network, images, store.indices(samples), context.fabric)[-1] for samples in (query, gallery)
    )
    last = network.exits[-1:]
    labels = [
        np.array([getattr(sample, name) for sample in samples]) for samples in (query, gallery) for name in LABELS
    ]
    return float(build_table(last, [queries], [others], *labels).outcomes.average_precision.mean())


def obtain_embeddings(context: RunContext, network: MultiExitNetwork, views: Views) -> dict[str, Embeddings]:
    """Give the codes of every split at every exit: query, gallery, and those of the calibration identities."""
    path = context.folder.embeddings(views)
    splits = ("query", "gallery", "calibration_query", "calibration_gallery")
    if path.exists():
        context.reporter.note("embeddings found")
        stored = read_arrays(path)
        try:
            return {name: [stored[f"{name}.{index}"] for index in range(len(network.exits))] for name in splits}
        except KeyError as problem:
            raise BenchError(f"{path} lacks codes ({problem}); {AGAIN}") from None
    calibration_query, calibration_gallery = context.calibration()
    train_store = context.stores.train
    sources: dict[str, tuple[ImageStore, NDArray[np.int64]]] = {
        "query": (context.stores.query, np.arange(len(context.stores.query.samples))),
        "gallery": (context.stores.gallery, np.arange(len(context.stores.gallery.samples))),
        "calibration_query": (train_store, train_store.indices(calibration_query)),
        "calibration_gallery": (train_store, train_store.indices(calibration_gallery)),
    }
    embeddings: dict[str, Embeddings] = {}
    for name, (store, indices) in sources.items():
        if len(indices):
            images = DeviceImages(store, context.fabric, context.spec.recipe.input_size)
            title = f"embedding {name.replace('_', ' ')} images"
            embedded = embed_images(
                network, images, indices, context.fabric, views=views, title=title, reporter=context.reporter
            )
            embeddings[name] = pool_tracklets(embedded, [store.samples[index] for index in indices])
        else:
            embeddings[name] = [np.empty((0, 0), dtype=np.uint8) for _ in network.exits]
    arrays: dict[str, Any] = {
        f"{name}.{index}": codes for name, parts in embeddings.items() for index, codes in enumerate(parts)
    }
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez(file, **arrays)
    return embeddings


def obtain_ledger(context: RunContext, network: MultiExitNetwork) -> CostLedger:
    """Give the cost ledger of the network against this gallery."""
    if context.folder.cost.exists():
        context.reporter.note("cost ledger found")
        return CostLedger.from_json(read_json(context.folder.cost)["ledger"])
    context.reporter.note("counting multiply-adds of every exit")
    ledger = CostLedger.of(network, context.spec.recipe.input_size, len(entries(context.stores.gallery.samples)))
    write_json(context.folder.cost, {"ledger": ledger.to_json(), "provenance": context.provenance()})
    return ledger


def obtain_tables(
    context: RunContext, network: MultiExitNetwork, evaluation: EvaluationSpec
) -> tuple[ExitTable, ExitTable | None]:
    """Give the exit tables: of the test queries, and of the calibration identities if any are held out."""
    paths = {split: context.folder.table(split, evaluation.key) for split in ("test", "calibration")}
    has_calibration = context.spec.calibration_share > 0
    if paths["test"].exists() and (paths["calibration"].exists() or not has_calibration):
        context.reporter.note("exit tables found")
        return load_table(paths["test"]), load_table(paths["calibration"]) if has_calibration else None
    embeddings = obtain_embeddings(context, network, evaluation.views)
    calibration_query, calibration_gallery = context.calibration()
    context.reporter.note("matching every query at every exit")
    started = time.perf_counter()
    table = _table(
        context, network, embeddings, "", context.stores.query.samples, context.stores.gallery.samples, evaluation
    )
    calibration = None
    if has_calibration:
        calibration = _table(
            context, network, embeddings, "calibration_", calibration_query, calibration_gallery, evaluation
        )
        save_table(calibration, paths["calibration"])
    save_table(table, paths["test"])
    context.reporter.note(f"matched and scored in {time.perf_counter() - started:.1f} s")
    return table, calibration


def _table(
    context: RunContext,
    network: MultiExitNetwork,
    embeddings: dict[str, Embeddings],
    prefix: str,
    query: Sequence[ImageSample],
    gallery: Sequence[ImageSample],
    evaluation: EvaluationSpec,
) -> ExitTable:
    query, gallery = entries(query), entries(gallery)
    entropy = class_entropies(network, embeddings[f"{prefix}query"], context.fabric)
    return build_table(
        network.exits,
        embeddings[f"{prefix}query"],
        embeddings[f"{prefix}gallery"],
        np.array([sample.pid for sample in query]),
        np.array([sample.camid for sample in query]),
        np.array([sample.pid for sample in gallery]),
        np.array([sample.camid for sample in gallery]),
        ap=evaluation.ap,
        signals=evaluation.signals,
        class_entropy=entropy[0] if entropy else None,
        classes=entropy[1] if entropy else 0,
    )
