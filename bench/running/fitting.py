"""Policies made ready on a trained run: what they learn from is read from its folder, or embedded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.budget.policy import Evidence, LearnedPolicy, Policy, TrainingStatistics
from bench.data.tracklets import entries
from bench.device import DeviceImages
from bench.errors import BenchError
from bench.files import read_arrays, write_arrays
from bench.networks import MultiExitNetwork
from bench.retrieval.codes import half_precision
from bench.retrieval.embed import embed_first_exit
from bench.retrieval.labels import labels_of
from bench.retrieval.table import ExitTable, IntArray
from bench.retrieval.tracklets import pool_tracklets
from bench.running.context import RunContext
from bench.running.keep import obtain, whole
from bench.running.readying import OF_A_RUN, Fitted, Fitting, make_ready, with_features
from bench.running.stages import sample_names
from bench.spec import EvaluationSpec
from bench.training.nearest_images import nearest_in_other_cameras

Features = Mapping[str, NDArray[Any]]
SPLITS = ("query", "gallery", "calibration_query", "calibration_gallery")


def ready_policies(
    context: RunContext,
    network: MultiExitNetwork,
    policies: Sequence[Policy | LearnedPolicy],
    table: ExitTable,
    calibration: ExitTable | None,
    evaluation: EvaluationSpec,
    *,
    leave_out: bool,
) -> Fitted:
    """Fit what learns, or find it fitted; with ``leave_out``, what cannot be fitted, or fails, is left out with a note.

    Policies to which the method gives nothing to read are always left out with a note. Raises :class:`BenchError` where
    one cannot be fitted and ``leave_out`` is false.
    """
    training = None
    if any(isinstance(policy, LearnedPolicy) and policy.needs == "training statistics" for policy in policies):
        try:
            retrieval_history = load_retrieval_history(context)
        except BenchError as problem:
            if not leave_out:
                raise
            context.reporter.note(str(problem))
        else:
            features = obtain_features(context, network)
            training = TrainingStatistics(retrieval_history, features["training"], features["neighbours"])
            table = with_features(table, features["query"], features["gallery"], *split_labels(context, ""))
            if calibration is not None:
                parts = (features["calibration_query"], features["calibration_gallery"])
                calibration = with_features(calibration, *parts, *split_labels(context, "calibration_"))
    fitting = Fitting(
        context.folder,
        evaluation.key,
        context.spec.seed,
        context.spec.method,
        context.reporter,
        OF_A_RUN,
        context.deadline,
        context.hold,
    )
    return make_ready(fitting, policies, table, Evidence(calibration, training), leave_out=leave_out)


def obtain_features(context: RunContext, network: MultiExitNetwork) -> Features:
    """Give the first exit's features (…, F) of every split and of the training images, and these one's neighbours."""
    return obtain(
        context.folder.features,
        lambda path: _read_features(context, path),
        lambda: _embed_first_exit(context, network),
        lambda features, path, source: write_arrays(path, features, source=source),
        context.reporter,
        hold=context.hold,
        source=context.folder.source,
    )


def _read_features(context: RunContext, path: Path) -> Features:
    """Read the features back. Raises KeyError or ValueError where a split is missing or of another length."""
    training, held_out_query, _ = context.held_out()
    features = read_arrays(path)
    lengths = {"training": len(training), "neighbours": len(training)}
    lengths |= {"query": len(entries(context.stores.query.samples))}
    lengths |= {"gallery": len(entries(context.stores.gallery.samples))}
    if len(held_out_query):
        lengths |= {"calibration_query": len(entries(held_out_query)), "calibration_gallery": -1}
    for name, length in lengths.items():
        if len(features[name]) != length >= 0:
            raise ValueError(f"{len(features[name])} of {length} {name} images")
    return features


def _embed_first_exit(context: RunContext, network: MultiExitNetwork) -> Features:
    training, held_out_query, held_out_gallery = context.held_out()
    stores = context.stores
    sources = {
        "training": (stores.train, training),
        "query": (stores.query, stores.query.samples),
        "gallery": (stores.gallery, stores.gallery.samples),
        "calibration_query": (stores.train, held_out_query),
        "calibration_gallery": (stores.train, held_out_gallery),
    }
    features: dict[str, Any] = {}
    total = sum(len(samples) for _, samples in sources.values())
    reporter = context.deadline.watching(context.reporter, total, "embedding the first exit's features")
    for name, (store, samples) in sources.items():
        if not len(samples):
            continue
        codes, values = embed_first_exit(
            network,
            DeviceImages(store, context.fabric, context.spec.recipe.input_size),
            store.indices(samples),
            context.fabric,
            title=f"first exit's features of {name.replace('_', ' ')} images",
            reporter=reporter,
        )
        if name == "training":
            camids = np.array([sample.camid for sample in samples])
            features["neighbours"] = nearest_in_other_cameras(codes, camids)
            features[name] = values
        else:
            features[name] = half_precision(pool_tracklets([values.astype(np.float32)], samples)[0])
    if held_out_gallery:
        # The calibration gallery ends with the training images: see RunContext.calibration.
        features["calibration_gallery"] = np.concatenate([features["calibration_gallery"], features["training"]])
    return features


def load_retrieval_history(context: RunContext) -> NDArray[np.int8]:
    """Read the retrieval history (T, N) of the training images, in their order.

    Raises :class:`BenchError` where it is not kept, or is that of other images.
    """
    path = context.folder.retrieval_history
    again = "train again with --fresh, or name policies that do not learn from training"
    if not path.exists():
        raise BenchError(f"this run has no training statistics: {path} is not there; {again}")
    samples, _, _ = context.held_out()
    read = partial(read_arrays, advice=again)
    stored = whole(path, read, context.reporter, source=context.folder.source, advice=again)
    if "retrieval_history" not in stored or stored.get("samples", np.array([])).tolist() != sample_names(samples):
        raise BenchError(f"{path} tells of other images than this run was trained on; {again}")
    return stored["retrieval_history"]


def split_labels(context: RunContext, prefix: str) -> tuple[tuple[IntArray, IntArray], tuple[IntArray, IntArray]]:
    """Identities and cameras of the entries that a table was made of: queries, and gallery.

    ``prefix`` is that of the split's name: empty for the test set, or ``calibration_``.
    """
    query, gallery = context.calibration() if prefix else (context.stores.query.samples, context.stores.gallery.samples)
    return labels_of(entries(query)), labels_of(entries(gallery))
