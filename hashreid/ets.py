"""Exit using training statistics (ETS): a classifier, trained on the retrieval history, selects exits at exit 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bench.budget.policy import Evidence, LearnedPolicy, Parameters, Policy, squashed
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
LEAVE = 0.5
"""P(easy) + P(skip) from which ETS lets a query leave."""


@dataclass(frozen=True)
class Reading:
    """How the paper is read where it is open; by default as it is written.

    ``class_weights`` are those of the classifier's loss: the paper speaks of none. ``never_right`` is the class of
    training images whose nearest image was never right: see :func:`hashreid.exit_classes.exit_classes`.
    """

    class_weights: Literal["none", "inverse"] = "none"
    never_right: Literal["hard", "skip"] = "hard"


def fit(evidence: Evidence, generator: np.random.Generator, reading: Reading = Reading()) -> Parameters:
    """Train the classifier on the training images: its parameters, and ``class_counts`` (3,), the images of each class.

    Raises :class:`BenchError` where the retrieval history has no images of one kind.
    """
    from hashreid.exit_classifier import ClassifierSettings, train_classifier

    assert evidence.training is not None
    statistics = evidence.training
    labels = exit_classes(statistics.retrieval_history, reading.never_right)
    counts = np.bincount(labels[labels >= 0], minlength=3)
    if not counts[EASY] + counts[SKIP] or not counts[HARD]:
        raise BenchError(
            "ETS learns to tell images that may leave from those that should not, and training left "
            f"{counts[EASY]} easy, {counts[SKIP]} skip and {counts[HARD]} hard ones: train for longer, or leave the "
            "policies ets and ets+gs out"
        )
    seed = int(generator.integers(2**31))
    settings = ClassifierSettings(class_weights=reading.class_weights)
    classifier = train_classifier(statistics.features, statistics.neighbours, labels, HIDDEN, seed, settings)
    state = {STATE + name: value.numpy() for name, value in classifier.state_dict().items()}
    return {**state, "class_counts": counts}


def probability_function(parameters: Parameters) -> Probabilities:
    """Function from signals to the probabilities (N, 3) that each query is easy, skip or hard.

    ``parameters`` are those of :func:`fit`. The classifier is built at the first call and kept. The function raises
    :class:`BenchError` for signals without features.
    """

    layers = {name.removeprefix(STATE): value for name, value in parameters.items() if name.startswith(STATE)}
    width = len(layers["mean"])

    @cache
    def classifier() -> ExitClassifier:
        import torch

        from hashreid.exit_classifier import ExitClassifier

        network = ExitClassifier(width, HIDDEN).eval()
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
        ETS, parameters, probabilities, lambda signals: _leave_probability(probabilities(signals)), own_threshold=LEAVE
    )


def load_ets_gs(parameters: Parameters) -> Policy:
    """ETS+GS: ETS lets the query leave *and* the margin is wide.

    Section 4.6 combines them to reduce wrong exits, so a query that ETS keeps never leaves the first exit by the
    policy's own decision, whatever its margin. Where a budget demands more exits than ETS allows, those with the wider
    margin follow: the confidence is the margin mapped to [0, 1), plus 1 where ETS lets go.
    """
    probabilities = probability_function(parameters)

    def first(signals: Signals) -> FloatArray:
        leaving: FloatArray = np.where(_leave_probability(probabilities(signals)) >= LEAVE, 1.0, 0.0)
        return leaving + squashed(signals.identity_margin[:, 0])

    return _policy(ETS_GS, parameters, probabilities, first, least_threshold=1.0)


def _leave_probability(probabilities: FloatArray) -> FloatArray:
    """P(easy) + P(skip), (N,), of probabilities (N, 3)."""
    return probabilities[:, EASY] + probabilities[:, SKIP]


def _policy(
    learned: LearnedPolicy,
    parameters: Parameters,
    probabilities: Probabilities,
    first: Callable[[Signals], FloatArray],
    own_threshold: float | None = None,
    least_threshold: float | None = None,
) -> Policy:
    """A policy with the confidence ``first`` (N,) at the first exit and gallery separability at later exits.

    A query is hard where ETS keeps it, else easy or skip, whichever is likelier: classes and exits tell the same.
    """

    def column(signals: Signals, exit_index: int) -> FloatArray:
        return signals.identity_margin[:, exit_index] if exit_index else first(signals)

    def confidence(signals: Signals, generator: np.random.Generator) -> FloatArray:
        values = signals.identity_margin.copy()
        values[:, 0] = first(signals)
        return values

    def classes_of(signals: Signals) -> IntArray:
        found = probabilities(signals)
        likelier = np.where(found[:, SKIP] > found[:, EASY], SKIP, EASY)
        return np.where(_leave_probability(found) >= LEAVE, likelier, HARD).astype(np.int64)

    def macs(dims: IntArray, classes: int) -> Sequence[int]:
        return decision_macs(dims, classes, features=len(parameters[f"{STATE}mean"]))

    return Policy(
        name=learned.name,
        summary=learned.summary,
        source=learned.source,
        confidence=confidence,
        macs=macs,
        own_threshold=own_threshold,
        least_threshold=least_threshold,
        gallery_bytes=gallery_bytes,
        sorts=(lambda signals: (CLASSES, classes_of(signals))) if own_threshold is not None else None,
        gives_up=lambda signals: classes_of(signals) == SKIP,
        column=column,
        reads=("features",),
    )


def _in_readings(policy: LearnedPolicy) -> LearnedPolicy:
    """The policy with the other readings of its classifier."""

    def read_as(name: str, reading: Reading, told: str) -> LearnedPolicy:
        naming: dict[str, Any] = {"name": f"{policy.name}:{name}", "summary": f"{policy.name}, but {told}"}
        return replace(
            policy,
            **naming,
            fit=partial(fit, reading=reading),
            load=lambda parameters: replace(policy.load(parameters), **naming),
            fitted_as=f"{policy.fitted_as}-{name}",
            version=1,
            earlier={},
        )

    readings = {name: read_as(name, reading, told) for name, (reading, told) in OTHER_READINGS.items()}
    return replace(policy, readings=readings)


OTHER_READINGS = {
    "inverse": (
        Reading(class_weights="inverse"),
        "its classes are weighted by the inverse of their frequency (not in the paper)",
    ),
    "never-skip": (
        Reading(never_right="skip"),
        "training images that were never right are skip, not hard (HashReID, section 1: 'impossible')",
    ),
}
"""Readings beside the default, by name."""
ETS = _in_readings(
    LearnedPolicy(
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
        version=2,
        earlier={1: "classes were weighted by the inverse of their frequency"},
    )
)
ETS_GS = _in_readings(
    LearnedPolicy(
        name="ets+gs",
        summary="ETS and gallery separability: queries that ETS lets leave and whose margin is wide",
        source="HashReID, section 4.6 ('Ours+GS')",
        needs="training statistics",
        fit=fit,
        load=load_ets_gs,
        macs=decision_macs,
        report=class_counts,
        gallery_bytes=gallery_bytes,
        fitted_as="ets",
        version=2,
        earlier={
            1: "classes were weighted by the inverse of their frequency, and its own decision let queries go that ETS "
            "keeps where their margin was wide"
        },
    )
)
