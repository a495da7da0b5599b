"""BranchyNet's exit rule: a query whose identity the classifier is sure of leaves early."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.budget.policy import Policy

if TYPE_CHECKING:
    from bench.retrieval.table import FloatArray, IntArray, Signals


def negative_entropy(signals: Signals, generator: np.random.Generator) -> FloatArray:
    """Take −H(softmax(logits)), natural logarithm, over the *training* identities: (N, S).

    BranchyNet leaves at exit n where the entropy is under a threshold T_n. Here the budget says how many leave. The
    people that are looked for are not among the classes: what is measured is whether a query looks like anybody known.
    """
    return -signals.class_entropy


def classifier_macs(dims: IntArray, classes: int) -> Sequence[int]:
    """(S,) multiply-adds of each exit's classifier, which nothing else needs; the last exit decides nothing."""
    return [int(dim) * classes for dim in dims[:-1]] + [0]


ENTROPY = Policy(
    name="entropy",
    summary="BranchyNet's rule: the classifier over the training identities is sure (its multiply-adds are paid)",
    source="BranchyNet, section III and its official code",
    confidence=negative_entropy,
    macs=classifier_macs,
    applies=lambda signals: signals.classes > 0,
    reads=("classes",),
)
