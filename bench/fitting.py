"""From policies as they are registered to policies that are ready: what learns is fitted once and kept with the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.arrays import read_arrays
from bench.budget.policy import Evidence, LearnedPolicy, Parameters, Policy, TrainingStatistics
from bench.data.dataset import Frame
from bench.data.tracklets import entries
from bench.device import DeviceImages
from bench.errors import BenchError
from bench.networks import MultiExitNetwork
from bench.retrieval.embed import embed_first_exit
from bench.retrieval.evaluate import matched_queries
from bench.retrieval.table import ExitTable, FirstExitFeatures
from bench.retrieval.tracklets import pool_tracklets
from bench.spec import EvaluationSpec
from bench.stages import Workbench, frame_names
from bench.store import replacing
from bench.training.statistics import nearest_in_other_cameras

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
    bench: Workbench,
    network: MultiExitNetwork,
    policies: Sequence[Policy | LearnedPolicy],
    table: ExitTable,
    calibration: ExitTable | None,
    evaluation: EvaluationSpec,
    *,
    leave_out: bool,
) -> Fitted:
    """Fit what learns, or find it fitted; with ``leave_out``, what cannot be fitted is left out with a note.

    Policies to which the method gives nothing to read are always left out with a note.
    """
    training = None
    if any(isinstance(policy, LearnedPolicy) and policy.needs == "training statistics" for policy in policies):
        try:
            ticks = _load_ticks(bench)
        except BenchError as problem:
            if not leave_out:
                raise
            bench.reporter.note(str(problem))
        else:
            features = obtain_features(bench, network)
            training = TrainingStatistics(ticks, features["training"], features["neighbours"])
            table = _with_features(table, features["query"], features["gallery"], *_frames(bench, ""))
            if calibration is not None:
                parts = (features["calibration_query"], features["calibration_gallery"])
                calibration = _with_features(calibration, *parts, *_frames(bench, "calibration_"))
    evidence = Evidence(calibration, training)
    ready: list[Policy] = []
    reports: dict[str, Mapping[str, Any]] = {}
    for policy in policies:
        if isinstance(policy, LearnedPolicy):
            try:
                parameters = _obtain_parameters(bench, policy, evidence, evaluation)
            except BenchError as problem:
                if not leave_out:
                    raise
                bench.reporter.note(f"policy {policy.name} left out: {problem}")
                continue
            reports[policy.name] = policy.report(parameters)
            policy = policy.load(parameters)
        if policy.applies(table.signals):
            ready.append(policy)
        else:
            bench.reporter.note(f"policy {policy.name} left out: {bench.spec.method} gives nothing for it to read")
    if not ready:
        raise BenchError(
            f"none of the policies {', '.join(policy.name for policy in policies)} applies to {bench.spec.method}: "
            "they find nothing to read; bench list policies says what each needs"
        )
    return Fitted(ready, table, calibration, reports)


def _obtain_parameters(
    bench: Workbench, policy: LearnedPolicy, evidence: Evidence, evaluation: EvaluationSpec
) -> Parameters:
    path = bench.folder.policy(policy.file_name, evaluation.key)
    if path.exists():
        return read_arrays(path)
    if policy.needs == "calibration" and evidence.calibration is None:
        raise BenchError(
            f"{policy.name} learns from identities held out of training, and there are none: --calibration above 0"
        )
    if policy.needs == "training statistics" and evidence.training is None:
        raise BenchError(f"{policy.name} learns from the ticks of training, and this run kept none")
    bench.reporter.note(f"fitting policy {policy.name}")
    parameters = policy.fit(evidence, np.random.default_rng([bench.spec.seed, *policy.file_name.encode()]))
    arrays: dict[str, Any] = dict(parameters)
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez_compressed(file, **arrays)
    return parameters


def obtain_features(bench: Workbench, network: MultiExitNetwork) -> Features:
    """Give the first exit's features (…, F) of every split and of the training images, and these one's neighbours."""
    path = bench.folder.features
    if path.exists():
        return read_arrays(path)
    training, held_out_query, held_out_gallery = bench.held_out()
    stores = bench.stores
    sources = {
        "training": (stores.train, training),
        "query": (stores.query, stores.query.frames),
        "gallery": (stores.gallery, stores.gallery.frames),
        "calibration_query": (stores.train, held_out_query),
        "calibration_gallery": (stores.train, held_out_gallery),
    }
    features: dict[str, Any] = {}
    for name, (store, frames) in sources.items():
        if not len(frames):
            continue
        codes, values = embed_first_exit(
            network,
            DeviceImages(store, bench.fabric, bench.spec.recipe.input_size),
            store.places(frames),
            bench.fabric,
            title=f"first exit's features of {name.replace('_', ' ')} images",
            reporter=bench.reporter,
        )
        if name == "training":
            camids = np.array([frame.camid for frame in frames])
            binary = network.exits[0].code == "binary"
            features["neighbours"] = nearest_in_other_cameras(codes, camids, binary=binary)
            features[name] = values
        else:
            features[name] = pool_tracklets([values.astype(np.float32)], frames)[0].astype(np.float16)
    if held_out_gallery:
        # The calibration gallery ends with the training images: see Workbench.calibration.
        features["calibration_gallery"] = np.concatenate([features["calibration_gallery"], features["training"]])
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez(file, **features)
    return features


def _load_ticks(bench: Workbench) -> NDArray[np.int8]:
    """Ticks (T, N) of the training images, in their order."""
    path = bench.folder.ticks
    again = "train again with --fresh, or name policies that do not learn from training"
    if not path.exists():
        raise BenchError(f"this run has no training statistics: {path} is not there; {again}")
    frames, _, _ = bench.held_out()
    stored = read_arrays(path, again)
    if "ticks" not in stored or stored.get("frames", np.array([])).tolist() != frame_names(frames):
        raise BenchError(f"{path} tells of other images than this run was trained on; {again}")
    return stored["ticks"]


def _frames(bench: Workbench, prefix: str) -> tuple[Sequence[Frame], Sequence[Frame]]:
    """Entries of the queries and of the gallery that a table was made of."""
    query, gallery = bench.calibration() if prefix else (bench.stores.query.frames, bench.stores.gallery.frames)
    return entries(query), entries(gallery)


def _with_features(
    table: ExitTable,
    query_features: NDArray[np.float16],
    gallery_features: NDArray[np.float16],
    query: Sequence[Frame],
    gallery: Sequence[Frame],
) -> ExitTable:
    labels = [np.array([getattr(frame, name) for frame in frames]) for frames in (query, gallery) for name in _LABELS]
    rows = matched_queries(*labels)
    features = FirstExitFeatures(query_features[rows], gallery_features)
    return replace(table, signals=replace(table.signals, features=features))


_LABELS = ("pid", "camid")
