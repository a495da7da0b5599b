"""Exit using training statistics: a classifier that learned from the course of training says who leaves at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from bench.budget.policy import Evidence, LearnedPolicy, Parameters, Policy, Sorted
from bench.errors import BenchError
from hashreid.exit_classes import CLASSES, EASY, HARD, SKIP, exit_classes

if TYPE_CHECKING:
    from bench.retrieval.table import FloatArray, IntArray, Signals
    from hashreid.exit_classifier import ExitClassifier

Probabilities = Callable[["Signals"], "FloatArray"]
READ = 5
"""Images that the classifier reads: the query and its four nearest (HashReID, section 3.4)."""
HIDDEN = 64
"""Units of each recurrent layer: the paper leaves them open."""
STATE = "classifier."
"""What the names of the classifier's own parameters begin with."""


def fit(evidence: Evidence, generator: np.random.Generator) -> Parameters:
    """Train the classifier on the training images: its parameters, and how many images each class had (3,)."""
    from hashreid.exit_classifier import train_classifier

    assert evidence.training is not None
    statistics = evidence.training
    labels = exit_classes(statistics.retrieval_history)
    counts = np.bincount(labels[labels >= 0], minlength=3)
    if not counts[EASY] + counts[SKIP] or not counts[HARD]:
        raise BenchError(
            "ETS learns to tell images that may leave from those that should not, and training left "
            f"{counts[EASY]} easy, {counts[SKIP]} skip and {counts[HARD]} hard ones: train for longer, or leave the "
            "policies ets and ets+gs out"
        )
    seed = int(generator.integers(2**31))
    classifier = train_classifier(statistics.features, statistics.neighbours, labels, HIDDEN, seed)
    state = {STATE + name: value.numpy() for name, value in classifier.state_dict().items()}
    return {**state, "class_counts": counts}


def trained(parameters: Parameters) -> Probabilities:
    """Make of what ``fit`` learned: the probability (N, 3) that each query is easy, skip or hard, of signals.

    The classifier is built when it is first asked, and kept.
    """

    @cache
    def built() -> ExitClassifier:
        import torch

        from hashreid.exit_classifier import ExitClassifier

        layers = {name.removeprefix(STATE): value for name, value in parameters.items() if name.startswith(STATE)}
        classifier = ExitClassifier(len(layers["mean"]), HIDDEN).eval()
        classifier.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in layers.items()})
        return classifier.double()

    def probabilities(signals: Signals) -> FloatArray:
        from hashreid.exit_classifier import class_probabilities

        if signals.features is None:
            raise BenchError("ETS reads the features of the first exit, and these signals come without them")
        nearest = signals.nearest_indices[:, 0, : READ - 1]
        return class_probabilities(built(), signals.features.query, signals.features.gallery, nearest)

    return probabilities


def class_counts(parameters: Parameters) -> dict[str, int]:
    """How many training images were easy, skip and hard."""
    return {f"{name} training images": int(n) for name, n in zip(CLASSES, parameters["class_counts"], strict=True)}


def decision_macs(dims: IntArray, classes: int, features: int) -> list[int]:
    """(S,) multiply-adds of a decision, all at the first exit: five steps of two recurrent layers, then the classes."""
    return [READ * 3 * HIDDEN * (features + HIDDEN + 2 * HIDDEN) + 3 * HIDDEN] + [0] * (len(dims) - 1)


def gallery_bytes(features: int) -> int:
    """Bytes that are kept of a gallery image: its features in half precision, for the classifier reads matches' too."""
    return np.dtype(np.float16).itemsize * features


def load_ets(parameters: Parameters) -> Policy:
    """ETS as a confidence: P(easy) + P(skip) at the first exit, gallery separability later, as hard queries have it."""
    probabilities = trained(parameters)
    return _ready(ETS, parameters, probabilities, lambda signals: _leaving(probabilities(signals)), own_threshold=0.5)


def load_ets_gs(parameters: Parameters) -> Policy:
    """ETS+GS: at the first exit whoever ETS lets go comes first, and within both halves the wider margin."""
    probabilities = trained(parameters)

    def first(signals: Signals) -> FloatArray:
        whole = signals.identity_margin[:, 0]
        margin = np.where(np.isinf(whole), 0.0, whole)
        within = np.where(np.isinf(whole), np.nextafter(1.0, 0.0), margin / (1.0 + margin))
        leaving: FloatArray = np.where(_leaving(probabilities(signals)) > 0.5, 1.0, 0.0)
        return leaving + within

    return _ready(ETS_GS, parameters, probabilities, first)


def _leaving(found: FloatArray) -> FloatArray:
    """P(easy) + P(skip), (N,), of probabilities (N, 3)."""
    return found[:, EASY] + found[:, SKIP]


def _ready(
    learned: LearnedPolicy,
    parameters: Parameters,
    probabilities: Probabilities,
    first: Callable[[Signals], FloatArray],
    own_threshold: float | None = None,
) -> Policy:
    """Make a policy of a confidence (N,) at the first exit; later ones have gallery separability."""

    def column(signals: Signals, exit_index: int) -> FloatArray:
        return signals.identity_margin[:, exit_index] if exit_index else first(signals)

    def confidence(signals: Signals, generator: np.random.Generator) -> FloatArray:
        values = signals.identity_margin.copy()
        values[:, 0] = first(signals)
        return values

    def sorts(signals: Signals) -> Sorted:
        return CLASSES, probabilities(signals).argmax(axis=1).astype(np.int64)

    def macs(dims: IntArray, classes: int) -> Sequence[int]:
        return decision_macs(dims, classes, features=len(parameters[f"{STATE}mean"]))

    return Policy(
        name=learned.name,
        summary=learned.summary,
        source=learned.source,
        confidence=confidence,
        macs=macs,
        own_threshold=own_threshold,
        gallery_bytes=gallery_bytes,
        sorts=sorts if learned.name == ETS.name else None,
        column=column,
        reads=("features",),
    )


ETS = LearnedPolicy(
    name="ets",
    summary="exit using training statistics: a recurrent classifier says who is easy (its multiply-adds are paid)",
    source="HashReID, section 3.4",
    needs="training statistics",
    fit=fit,
    load=load_ets,
    macs=decision_macs,
    report=class_counts,
    gallery_bytes=gallery_bytes,
    fitted_as="ets",
)
ETS_GS = LearnedPolicy(
    name="ets+gs",
    summary="ETS and gallery separability: whoever ETS lets go first, the clearest match first",
    source="HashReID, section 4.6 ('Ours+GS')",
    needs="training statistics",
    fit=fit,
    load=load_ets_gs,
    macs=decision_macs,
    report=class_counts,
    gallery_bytes=gallery_bytes,
    fitted_as="ets",
)
