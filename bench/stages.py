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
from bench.arrays import AGAIN, read_arrays
from bench.cost.ledger import CostLedger
from bench.data.dataset import Frame
from bench.data.images import ImageStore
from bench.data.split import hold_out, relabel
from bench.data.tracklets import entries
from bench.data.views import Views
from bench.device import DeviceImages, device_name, open_device, precision_name
from bench.errors import BenchError
from bench.methods import Method
from bench.networks import MultiExitNetwork
from bench.progress import Reporter
from bench.retrieval.classify import class_entropies
from bench.retrieval.embed import Embeddings, embed_images
from bench.retrieval.evaluate import build_table
from bench.retrieval.table import ExitTable
from bench.retrieval.table_file import load_table, save_table
from bench.retrieval.tracklets import pool_tracklets
from bench.spec import EVALUATION_VERSION, TRAINING_VERSION, EvaluationSpec, RunSpec
from bench.store import RunFolder, read_json, replacing, write_json
from bench.training.loop import train
from bench.training.ticks import TrainingFrames

LABELS = ("pid", "camid")


@dataclass(frozen=True)
class Stores:
    """The decoded images of the three splits."""

    train: ImageStore
    query: ImageStore
    gallery: ImageStore


@dataclass(frozen=True)
class Workbench:
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
    ) -> Workbench:
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

    def held_out(self) -> tuple[Sequence[Frame], Sequence[Frame], Sequence[Frame]]:
        """Split the training images: those trained on, and the calibration identities' queries and gallery."""
        return hold_out(self.stores.train.frames, self.spec.calibration_share, self.spec.seed)

    def calibration(self) -> tuple[Sequence[Frame], Sequence[Frame]]:
        """Queries of the calibration identities, and their gallery: their other images, and all training images.

        Without the latter the gallery would be a fraction of the test's, nobody would resemble a query, and thresholds
        fitted there would let go far too many.
        """
        training, query, gallery = self.held_out()
        return query, (*gallery, *training) if query else ()


def obtain_network(bench: Workbench) -> MultiExitNetwork:
    """Give the trained network: loaded if it is there, else trained, going on from the last whole epoch."""
    folder, spec = bench.folder, bench.spec
    frames, _, _ = bench.held_out()
    labels = relabel(frames)
    options = dict(spec.network)
    finished = folder.weights.exists() and folder.training.exists()
    if finished or folder.checkpoint.exists():
        # The parameters come from the run's own files; pretrained ones would be overwritten.
        options["weights"] = "none"
    torch.manual_seed(spec.seed)
    network = bench.method.build(options, int(labels.max()) + 1, spec.recipe.input_size)
    if finished:
        bench.reporter.note(f"trained network found in {folder.path}")
        network.load_state_dict(load_file(folder.weights))
        return bench.fabric.to_device(network).to(memory_format=torch.channels_last)
    training_frames = TrainingFrames(
        images=DeviceImages(bench.stores.train, bench.fabric, spec.recipe.input_size),
        places=bench.stores.train.places(frames),
        pids=np.array([frame.pid for frame in frames]),
        camids=np.array([frame.camid for frame in frames]),
        labels=labels,
    )
    trained = train(
        network,
        lambda outputs, labels: bench.method.loss(outputs, labels, spec.network),
        training_frames,
        spec.recipe,
        seed=spec.seed,
        key=spec.key,
        checkpoint=folder.checkpoint,
        fabric=bench.fabric,
        validate=lambda: _validate(bench, network),
        reporter=bench.reporter,
    )
    names = np.array(frame_names(frames))
    with replacing(folder.ticks) as beside, beside.open("wb") as file:
        np.savez_compressed(file, ticks=trained.ticks, epochs=np.array(trained.tick_epochs), frames=names)
    write_json(
        folder.training,
        {
            "epochs": len(trained.history),
            "history": trained.history,
            "validation": trained.validation,
            "seconds": sum(epoch["seconds"] for epoch in trained.history),
            "images": len(frames),
            "identities": training_frames.num_identities,
            "provenance": bench.provenance(),
        },
    )
    # The weights come last: a run with weights is a run that was trained.
    with replacing(folder.weights) as beside:
        state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
        save_file(state, beside)
    folder.checkpoint.unlink(missing_ok=True)
    return network


def frame_names(frames: Sequence[Frame]) -> list[str]:
    """Name images by file and folder, wherever the dataset lies."""
    return [str(frame.path.relative_to(frame.path.parent.parent)) for frame in frames]


def _validate(bench: Workbench, network: MultiExitNetwork) -> float:
    """Score a network that is being trained: mAP at its last exit on the calibration identities."""
    _, query, gallery = bench.held_out()
    store = bench.stores.train
    images = DeviceImages(store, bench.fabric, bench.spec.recipe.input_size)
    queries, others = (
        embed_images(network, images, store.places(frames), bench.fabric)[-1] for frames in (query, gallery)
    )
    last = network.exits[-1:]
    labels = [np.array([getattr(frame, name) for frame in frames]) for frames in (query, gallery) for name in LABELS]
    return float(build_table(last, [queries], [others], *labels).outcomes.average_precision.mean())


def obtain_embeddings(bench: Workbench, network: MultiExitNetwork, views: Views) -> dict[str, Embeddings]:
    """Give the codes of every split at every exit: query, gallery, and those of the calibration identities."""
    path = bench.folder.embeddings(views)
    splits = ("query", "gallery", "calibration_query", "calibration_gallery")
    if path.exists():
        bench.reporter.note("embeddings found")
        stored = read_arrays(path)
        try:
            return {name: [stored[f"{name}.{index}"] for index in range(len(network.exits))] for name in splits}
        except KeyError as problem:
            raise BenchError(f"{path} lacks codes ({problem}); {AGAIN}") from None
    calibration_query, calibration_gallery = bench.calibration()
    train_store = bench.stores.train
    sources: dict[str, tuple[ImageStore, NDArray[np.int64]]] = {
        "query": (bench.stores.query, np.arange(len(bench.stores.query.frames))),
        "gallery": (bench.stores.gallery, np.arange(len(bench.stores.gallery.frames))),
        "calibration_query": (train_store, train_store.places(calibration_query)),
        "calibration_gallery": (train_store, train_store.places(calibration_gallery)),
    }
    embeddings: dict[str, Embeddings] = {}
    for name, (store, places) in sources.items():
        if len(places):
            images = DeviceImages(store, bench.fabric, bench.spec.recipe.input_size)
            title = f"embedding {name.replace('_', ' ')} images"
            embedded = embed_images(
                network, images, places, bench.fabric, views=views, title=title, reporter=bench.reporter
            )
            embeddings[name] = pool_tracklets(embedded, [store.frames[place] for place in places])
        else:
            embeddings[name] = [np.empty((0, 0), dtype=np.uint8) for _ in network.exits]
    arrays: dict[str, Any] = {
        f"{name}.{index}": codes for name, parts in embeddings.items() for index, codes in enumerate(parts)
    }
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez(file, **arrays)
    return embeddings


def obtain_ledger(bench: Workbench, network: MultiExitNetwork) -> CostLedger:
    """Give the cost ledger of the network against this gallery."""
    if bench.folder.cost.exists():
        bench.reporter.note("cost ledger found")
        return CostLedger.from_json(read_json(bench.folder.cost)["ledger"])
    bench.reporter.note("counting multiply-adds of every exit")
    ledger = CostLedger.of(network, bench.spec.recipe.input_size, len(entries(bench.stores.gallery.frames)))
    write_json(bench.folder.cost, {"ledger": ledger.to_json(), "provenance": bench.provenance()})
    return ledger


def obtain_tables(
    bench: Workbench, network: MultiExitNetwork, evaluation: EvaluationSpec
) -> tuple[ExitTable, ExitTable | None]:
    """Give the exit tables: of the test queries, and of the calibration identities if any are held out."""
    paths = {split: bench.folder.table(split, evaluation.key) for split in ("test", "calibration")}
    has_calibration = bench.spec.calibration_share > 0
    if paths["test"].exists() and (paths["calibration"].exists() or not has_calibration):
        bench.reporter.note("exit tables found")
        return load_table(paths["test"]), load_table(paths["calibration"]) if has_calibration else None
    embeddings = obtain_embeddings(bench, network, evaluation.views)
    calibration_query, calibration_gallery = bench.calibration()
    bench.reporter.note("matching every query at every exit")
    started = time.perf_counter()
    table = _table(bench, network, embeddings, "", bench.stores.query.frames, bench.stores.gallery.frames, evaluation)
    calibration = None
    if has_calibration:
        calibration = _table(
            bench, network, embeddings, "calibration_", calibration_query, calibration_gallery, evaluation
        )
        save_table(calibration, paths["calibration"])
    save_table(table, paths["test"])
    bench.reporter.note(f"matched and scored in {time.perf_counter() - started:.1f} s")
    return table, calibration


def _table(
    bench: Workbench,
    network: MultiExitNetwork,
    embeddings: dict[str, Embeddings],
    prefix: str,
    query: Sequence[Frame],
    gallery: Sequence[Frame],
    evaluation: EvaluationSpec,
) -> ExitTable:
    query, gallery = entries(query), entries(gallery)
    entropy = class_entropies(network, embeddings[f"{prefix}query"], bench.fabric)
    return build_table(
        network.exits,
        embeddings[f"{prefix}query"],
        embeddings[f"{prefix}gallery"],
        np.array([frame.pid for frame in query]),
        np.array([frame.camid for frame in query]),
        np.array([frame.pid for frame in gallery]),
        np.array([frame.camid for frame in gallery]),
        ap=evaluation.ap,
        signals=evaluation.signals,
        class_entropy=entropy[0] if entropy else None,
        classes=entropy[1] if entropy else 0,
    )
