"""Exit using training statistics (ETS): a classifier, trained on the retrieval history, selects exits at exit 1."""

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
"""Units of each recurrent layer; the paper does not give their number."""
STATE = "classifier."
"""Prefix of the names of the classifier's own parameters."""


def fit(evidence: Evidence, generator: np.random.Generator) -> Parameters:
    """Train the classifier on the training images: its parameters, and ``class_counts`` (3,), the images of each class.

    Raises :class:`BenchError` where the retrieval history has no images of one kind.
    """
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


def probability_function(parameters: Parameters) -> Probabilities:
    """Function from signals to the probabilities (N, 3) that each query is easy, skip or hard.

    ``parameters`` are those of :func:`fit`. The classifier is built at the first call and kept. The function raises
    :class:`BenchError` for signals without features.
    """

    @cache
    def classifier() -> ExitClassifier:
        import torch

        from hashreid.exit_classifier import ExitClassifier

        layers = {name.removeprefix(STATE): value for name, value in parameters.items() if name.startswith(STATE)}
        network = ExitClassifier(len(layers["mean"]), HIDDEN).eval()
        network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in layers.items()})
        return network.double()

    def probabilities(signals: Signals) -> FloatArray:
        from hashreid.exit_classifier import class_probabilities

        if signals.features is None:
            raise BenchError("ETS reads the features of the first exit, and these signals come without them")
        nearest = signals.nearest_indices[:, 0, : READ - 1]
        return class_probabilities(classifier(), signals.features.query, signals.features.gallery, nearest)

    return probabilities


def class_counts(parameters: Parameters) -> dict[str, int]:
    """Numbers of training images that are easy, skip and hard."""
    return {f"{name} training images": int(n) for name, n in zip(CLASSES, parameters["class_counts"], strict=True)}


def decision_macs(dims: IntArray, classes: int, features: int) -> list[int]:
    """(S,) multiply-adds of a decision, all at the first exit: five steps of two recurrent layers, a linear layer."""
    return [READ * 3 * HIDDEN * (features + HIDDEN + 2 * HIDDEN) + 3 * HIDDEN] + [0] * (len(dims) - 1)


def gallery_bytes(features: int) -> int:
    """Bytes that are kept of a gallery image: its features in half precision, for the classifier reads matches' too."""
    return np.dtype(np.float16).itemsize * features


def load_ets(parameters: Parameters) -> Policy:
    """ETS as a confidence: P(easy) + P(skip) at the first exit, gallery separability at later exits."""
    probabilities = probability_function(parameters)
    return _policy(
        ETS, parameters, probabilities, lambda signals: _leave_probability(probabilities(signals)), own_threshold=0.5
    )


def load_ets_gs(parameters: Parameters) -> Policy:
    """ETS+GS: at the first exit, queries that ETS lets leave come first; among equals those with more margin."""
    probabilities = probability_function(parameters)

    def first(signals: Signals) -> FloatArray:
        margin = signals.identity_margin[:, 0]
        finite = np.where(np.isinf(margin), 0.0, margin)
        within = np.where(np.isinf(margin), np.nextafter(1.0, 0.0), finite / (1.0 + finite))
        leaving: FloatArray = np.where(_leave_probability(probabilities(signals)) > 0.5, 1.0, 0.0)
        return leaving + within

    return _policy(ETS_GS, parameters, probabilities, first)


def _leave_probability(probabilities: FloatArray) -> FloatArray:
    """P(easy) + P(skip), (N,), of probabilities (N, 3)."""
    return probabilities[:, EASY] + probabilities[:, SKIP]


def _policy(
    learned: LearnedPolicy,
    parameters: Parameters,
    probabilities: Probabilities,
    first: Callable[[Signals], FloatArray],
    own_threshold: float | None = None,
) -> Policy:
    """A policy with the confidence ``first`` (N,) at the first exit and gallery separability at later exits."""

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
    summary="ETS and gallery separability: queries that ETS lets leave come first, then those with more margin",
    source="HashReID, section 4.6 ('Ours+GS')",
    needs="training statistics",
    fit=fit,
    load=load_ets_gs,
    macs=decision_macs,
    report=class_counts,
    gallery_bytes=gallery_bytes,
    fitted_as="ets",
)
