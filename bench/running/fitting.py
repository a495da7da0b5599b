"""From policies as they are registered to policies that are ready: what learns is fitted once and kept with the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.budget.policy import Evidence, LearnedPolicy, Parameters, Policy, TrainingStatistics
from bench.data.dataset import ImageSample
from bench.data.tracklets import entries
from bench.device import DeviceImages
from bench.errors import BenchError
from bench.files import read_arrays, write_arrays
from bench.networks import MultiExitNetwork
from bench.retrieval.embed import embed_first_exit
from bench.retrieval.evaluate import matched_queries
from bench.retrieval.labels import labels_of
from bench.retrieval.table import ExitTable, FirstExitFeatures
from bench.retrieval.tracklets import pool_tracklets
from bench.running.context import RunContext
from bench.running.keep import obtain, whole
from bench.running.stages import sample_names
from bench.spec import EvaluationSpec
from bench.training.nearest_images import nearest_in_other_cameras

Features = Mapping[str, NDArray[Any]]
SPLITS = ("query", "gallery", "calibration_query", "calibration_gallery")


@dataclass(frozen=True)
class Fitted:
    """Policies that are ready, the tables that they can read, and what those that learned have to report."""

    policies: list[Policy]
    table: ExitTable
    calibration: ExitTable | None
    reports: dict[str, Mapping[str, Any]]


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
    """Fit what learns, or find it fitted; with ``leave_out``, what cannot be fitted is left out with a note.

    Policies to which the method gives nothing to read are always left out with a note. Raises :class:`BenchError` where
    one cannot be fitted and ``leave_out`` is false.
    """
    training = None
    if any(isinstance(policy, LearnedPolicy) and policy.needs == "training statistics" for policy in policies):
        try:
            retrieval_history = _load_retrieval_history(context)
        except BenchError as problem:
            if not leave_out:
                raise
            context.reporter.note(str(problem))
        else:
            features = obtain_features(context, network)
            training = TrainingStatistics(retrieval_history, features["training"], features["neighbours"])
            table = _with_features(table, features["query"], features["gallery"], *_samples(context, ""))
            if calibration is not None:
                parts = (features["calibration_query"], features["calibration_gallery"])
                calibration = _with_features(calibration, *parts, *_samples(context, "calibration_"))
    evidence = Evidence(calibration, training)
    ready: list[Policy] = []
    reports: dict[str, Mapping[str, Any]] = {}
    for policy in policies:
        if isinstance(policy, LearnedPolicy):
            try:
                parameters = _obtain_parameters(context, policy, evidence, evaluation)
            except BenchError as problem:
                if not leave_out:
                    raise
                context.reporter.note(f"policy {policy.name} left out: {problem}")
                continue
            reports[policy.name] = policy.report(parameters)
            policy = policy.load(parameters)
        if policy.applies(table.signals):
            ready.append(policy)
        else:
            context.reporter.note(f"policy {policy.name} left out: {context.spec.method} gives nothing for it to read")
    if not ready:
        raise BenchError(
            f"none of the policies {', '.join(policy.name for policy in policies)} applies to {context.spec.method}: "
            "they find nothing to read; bench list policies says what each needs"
        )
    return Fitted(ready, table, calibration, reports)


def _obtain_parameters(
    context: RunContext, policy: LearnedPolicy, evidence: Evidence, evaluation: EvaluationSpec
) -> Parameters:
    def make() -> Parameters:
        if policy.needs == "calibration" and evidence.calibration is None:
            raise BenchError(
                f"{policy.name} learns from identities held out of training, and there are none: --calibration above 0"
            )
        if policy.needs == "training statistics" and evidence.training is None:
            raise BenchError(f"{policy.name} learns from the retrieval history of training, and this run kept none")
        context.reporter.note(f"fitting policy {policy.name}")
        return policy.fit(evidence, np.random.default_rng([context.spec.seed, *policy.file_name.encode()]))

    return obtain(
        context.folder.policy(policy.file_name, evaluation.key),
        read_arrays,
        make,
        lambda parameters, path: write_arrays(path, parameters, compressed=True),
        context.reporter,
    )


def obtain_features(context: RunContext, network: MultiExitNetwork) -> Features:
    """Give the first exit's features (…, F) of every split and of the training images, and these one's neighbours."""
    return obtain(
        context.folder.features,
        read_arrays,
        lambda: _embed_first_exit(context, network),
        lambda features, path: write_arrays(path, features),
        context.reporter,
    )


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
    for name, (store, samples) in sources.items():
        if not len(samples):
            continue
        codes, values = embed_first_exit(
            network,
            DeviceImages(store, context.fabric, context.spec.recipe.input_size),
            store.indices(samples),
            context.fabric,
            title=f"first exit's features of {name.replace('_', ' ')} images",
            reporter=context.reporter,
        )
        if name == "training":
            camids = np.array([sample.camid for sample in samples])
            features["neighbours"] = nearest_in_other_cameras(codes, camids)
            features[name] = values
        else:
            features[name] = pool_tracklets([values.astype(np.float32)], samples)[0].astype(np.float16)
    if held_out_gallery:
        # The calibration gallery ends with the training images: see RunContext.calibration.
        features["calibration_gallery"] = np.concatenate([features["calibration_gallery"], features["training"]])
    return features


def _load_retrieval_history(context: RunContext) -> NDArray[np.int8]:
    """Read the retrieval history (T, N) of the training images, in their order."""
    path = context.folder.retrieval_history
    again = "train again with --fresh, or name policies that do not learn from training"
    if not path.exists():
        raise BenchError(f"this run has no training statistics: {path} is not there; {again}")
    samples, _, _ = context.held_out()
    stored = whole(path, lambda path: read_arrays(path, again), context.reporter)
    if "retrieval_history" not in stored or stored.get("samples", np.array([])).tolist() != sample_names(samples):
        raise BenchError(f"{path} tells of other images than this run was trained on; {again}")
    return stored["retrieval_history"]


def _samples(context: RunContext, prefix: str) -> tuple[Sequence[ImageSample], Sequence[ImageSample]]:
    """Entries of the queries and of the gallery that a table was made of."""
    query, gallery = context.calibration() if prefix else (context.stores.query.samples, context.stores.gallery.samples)
    return entries(query), entries(gallery)


def _with_features(
    table: ExitTable,
    query_features: NDArray[np.float16],
    gallery_features: NDArray[np.float16],
    query: Sequence[ImageSample],
    gallery: Sequence[ImageSample],
) -> ExitTable:
    rows = matched_queries(*labels_of(query), *labels_of(gallery))
    features = FirstExitFeatures(query_features[rows], gallery_features)
    return replace(table, signals=replace(table.signals, features=features))
