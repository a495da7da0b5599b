"""BranchyNet's exit rule: a query leaves early where the entropy of the classifier is low."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bench.budget.policy import Policy

if TYPE_CHECKING:
    from bench.retrieval.table import FloatArray, IntArray, Signals


def negative_entropy(signals: Signals, generator: np.random.Generator) -> FloatArray:
    """Confidence (N, S): −H(softmax(logits)), natural logarithm, over the *training* identities.

    BranchyNet leaves at exit n where the entropy is below a threshold T_n; here the budget sets the thresholds. Test
    identities are not among the classes: the entropy says how much a query looks like one of the training identities.
    """
    return -signals.class_entropy


def classifier_macs(dims: IntArray, classes: int) -> Sequence[int]:
    """(S,) multiply-adds of each exit's classifier, which only this rule needs; 0 at the last exit, where all leave."""
    return [int(dim) * classes for dim in dims[:-1]] + [0]


ENTROPY = Policy(
    name="entropy",
    summary="BranchyNet's rule: the classifier over the training identities is sure (its multiply-adds are paid)",
    source="BranchyNet, section III and its official code",
    confidence=negative_entropy,
    macs=classifier_macs,
    applies=lambda signals: signals.classes > 0,
    reads=("classes",),
    searches=False,
)
