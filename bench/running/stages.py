"""The expensive parts of a run, each done once and kept: train, embed, price. Tables are in ``tables``.

Every stage uses its file if it is there and whole, and else makes it (:mod:`bench.running.keep`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.cost.ledger import CostLedger
from bench.data.dataset import ImageSample
from bench.data.images import ImageStore
from bench.data.split import relabel
from bench.data.tracklets import entries
from bench.data.views import Views
from bench.device import DeviceImages
from bench.files import read_arrays, read_json, write_arrays, write_json
from bench.networks import MultiExitNetwork
from bench.retrieval.drawn import draws_of, gallery_size
from bench.retrieval.embed import Embeddings, embed_images
from bench.retrieval.evaluate import build_table
from bench.retrieval.labels import cameras, labels_of
from bench.retrieval.tracklets import pool_tracklets
from bench.running.as_is import build_as_is
from bench.running.context import RunContext
from bench.running.keep import obtain, saving, whole
from bench.threads import advice, others_running
from bench.training.loop import Trained, train
from bench.training.retrieval_history import TrainingImages
from bench.training.weights import TRAIN_AGAIN, load_weights, save_weights

SPLITS = ("query", "gallery", "calibration_query", "calibration_gallery")
"""What embeddings are kept of."""


def obtain_network(context: RunContext) -> MultiExitNetwork:
    """Give the trained network: loaded if it is there, else trained, going on from the last checkpoint.

    Raises TimeIsUp where training has to stop before its end, and BenchError where its file or the checkpoint is
    damaged: hours of training are not repeated unasked.
    """
    folder, spec = context.folder, context.spec
    samples, _, _ = context.held_out()
    labels = relabel(samples)
    options = dict(spec.network)
    finished = folder.weights.exists() and folder.training.exists()
    if finished or folder.checkpoint.exists():
        # The parameters come from the run's own files; pretrained ones would be overwritten.
        options["weights"] = "none"
    if spec.as_is and not finished:
        return _as_is(context, int(labels.max()) + 1)
    torch.manual_seed(spec.seed)
    network = context.method.build(options, int(labels.max()) + 1, spec.recipe.input_size)
    if finished:
        context.reporter.note(f"trained network found in {folder.path}")
        whole(folder.weights, lambda path: load_weights(network, path), context.reporter)
        folder.check_weights(TRAIN_AGAIN)
        if not context.reading:  # training ended, and the process before it could clear up
            folder.checkpoint.unlink(missing_ok=True)
        return context.fabric.to_device(network).to(memory_format=torch.channels_last)
    if context.fabric.device.type == "cpu":
        note = advice(torch.get_num_threads(), os.cpu_count() or 1, others_running(), os.environ)
        if note:
            context.reporter.note(note)
    with context.call(context, "train", ()):
        trained = train_together(context, network)
    with saving(folder.path):
        # Left of a training whose weights were removed, it would not fit these, were the process killed here.
        folder.training.unlink(missing_ok=True)
        weights = save_weights(network, folder.weights)
        write_arrays(
            folder.retrieval_history,
            {
                "retrieval_history": trained.retrieval_history,
                "epochs": np.array(trained.measured_epochs),
                "samples": np.array(sample_names(samples)),
            },
            compressed=True,
            source=weights,
        )
        # The record comes last: a run that has one is a run that was trained.
        write_json(
            folder.training,
            {
                "epochs": len(trained.history),
                "history": trained.history,
                "validation": trained.validation,
                "seconds": sum(epoch["seconds"] for epoch in trained.history),
                "images": len(samples),
                "identities": int(labels.max()) + 1,
                "weights": weights,
                "provenance": context.provenance(),
            },
        )
    folder.checkpoint.unlink(missing_ok=True)
    return network


def _as_is(context: RunContext, num_identities: int) -> MultiExitNetwork:
    """Keep the weights of a file as those of a run that trained nothing."""
    spec = context.spec
    network = build_as_is(context.method, spec.network, num_identities, spec.recipe.input_size)
    nothing = {"epochs": 0, "history": [], "validation": [], "seconds": 0.0, "images": 0, "identities": 0}
    with saving(context.folder.path):
        weights = save_weights(network, context.folder.weights)
        write_json(context.folder.training, {**nothing, "weights": weights, "provenance": context.provenance()})
    return context.fabric.to_device(network).to(memory_format=torch.channels_last)


def train_together(context: RunContext, network: MultiExitNetwork) -> Trained:
    """Train a network in place, on one device or as one of several processes. Raises as the loop does."""
    spec = context.spec
    samples, _, _ = context.held_out()
    pids, camids = labels_of(samples)
    training_images = TrainingImages(
        images=DeviceImages(context.stores.train, context.fabric, spec.recipe.input_size),
        indices=context.stores.train.indices(samples),
        pids=pids,
        camids=cameras(camids),
        labels=relabel(samples),
    )
    return train(
        network,
        lambda outputs, labels: context.method.loss(outputs, labels, spec.network),
        training_images,
        spec.recipe,
        seed=spec.seed,
        key=spec.key,
        checkpoint=context.folder.checkpoint,
        fabric=context.fabric,
        validate=lambda: _validate(context, network),
        deadline=context.deadline,
        reporter=context.reporter,
        per_device_loss=spec.loss_parts > 1,
    )


def sample_names(samples: Sequence[ImageSample]) -> list[str]:
    """Name images by file and folder, wherever the dataset lies."""
    return [sample.path.relative_to(sample.path.parent.parent).as_posix() for sample in samples]


def _validate(context: RunContext, network: MultiExitNetwork) -> float:
    """Score a network that is being trained: mAP at its last exit on the calibration identities."""
    _, query, gallery = context.held_out()
    store = context.stores.train
    images = DeviceImages(store, context.fabric, context.spec.recipe.input_size)
    queries, others = (
        embed_images(network, images, store.indices(samples), context.fabric, shared=True)[-1]
        for samples in (query, gallery)
    )
    last = network.exits[-1:]
    table = build_table(last, [queries], [others], *labels_of(query), *labels_of(gallery))
    return float(table.outcomes.average_precision.mean())


def read_training(path: Path) -> dict[str, Any]:
    """Read how training went. Raises DamagedFile where that cannot be read, KeyError where it lacks what is needed."""
    training = read_json(path)
    for name in ("history", "images", "identities"):
        training[name]
    return training


def obtain_embeddings(
    context: RunContext, network: MultiExitNetwork, views: Views, *, extras: bool = False
) -> dict[str, Embeddings]:
    """Give the codes of every split at every exit: query, gallery, and those of the calibration identities.

    With ``extras``, the network's embeddings that are no exits instead.
    """
    count = len(network.extras if extras else network.exits)

    def read(path: Path) -> dict[str, Embeddings]:
        stored = read_arrays(path)
        return {name: [stored[f"{name}.{index}"] for index in range(count)] for name in SPLITS}

    def write(embeddings: dict[str, Embeddings], path: Path, source: str) -> None:
        arrays = {f"{name}.{index}": codes for name, parts in embeddings.items() for index, codes in enumerate(parts)}
        write_arrays(path, arrays, source=source)

    def make() -> dict[str, Embeddings]:
        state = {name: value.cpu() for name, value in network.state_dict().items()} if several(context) else {}
        with context.call(context, "embed", (state, views, extras)):
            return embed_together(context, network, views, extras)

    return obtain(
        context.folder.extra_embeddings(views) if extras else context.folder.embeddings(views),
        read,
        make,
        write,
        context.reporter,
        found="embeddings found",
        hold=context.hold,
        source=context.folder.source,
    )


def several(context: RunContext) -> bool:
    """Whether several processes are at this run."""
    return context.fabric.world_size > 1


def embed_together(context: RunContext, network: MultiExitNetwork, views: Views, extras: bool) -> dict[str, Embeddings]:
    """Embed the images of every split, on one device or as one of several processes, all of which have all codes."""
    calibration_query, calibration_gallery = context.calibration()
    train_store = context.stores.train
    sources: dict[str, tuple[ImageStore, NDArray[np.int64]]] = {
        "query": (context.stores.query, np.arange(len(context.stores.query.samples))),
        "gallery": (context.stores.gallery, np.arange(len(context.stores.gallery.samples))),
        "calibration_query": (train_store, train_store.indices(calibration_query)),
        "calibration_gallery": (train_store, train_store.indices(calibration_gallery)),
    }
    embeddings: dict[str, Embeddings] = {}
    total = sum(len(indices) for _, indices in sources.values())
    reporter = context.reporter
    if not several(context):  # which could not stop in the middle together
        reporter = context.deadline.watching(reporter, total, "embedding the images")
    for name, (store, indices) in sources.items():
        if len(indices):
            images = DeviceImages(store, context.fabric, context.spec.recipe.input_size)
            title = f"embedding {name.replace('_', ' ')} images"
            embedded = embed_images(
                network,
                images,
                indices,
                context.fabric,
                extras=extras,
                views=views,
                title=title,
                reporter=reporter,
                shared=True,
            )
            embeddings[name] = pool_tracklets(embedded, [store.samples[index] for index in indices])
        else:
            embeddings[name] = [np.empty((0, 0), dtype=np.uint8) for _ in (network.extras if extras else network.exits)]
    return embeddings


def obtain_ledger(context: RunContext, network: MultiExitNetwork) -> CostLedger:
    """Give the cost ledger of the network against this gallery."""

    def make() -> CostLedger:
        context.deadline.check("counting multiply-adds")
        context.reporter.note("counting multiply-adds of every exit")
        gallery = entries(context.stores.gallery.samples)
        return CostLedger.of(network, context.spec.recipe.input_size, gallery_size(draws_of(gallery)))

    return obtain(
        context.folder.cost,
        lambda path: CostLedger.from_json(read_json(path)["ledger"]),
        make,
        lambda ledger, path, _: write_json(path, {"ledger": ledger.to_json(), "provenance": context.provenance()}),
        context.reporter,
        found="cost ledger found",
        hold=context.hold,
    )
