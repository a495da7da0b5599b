"""Losses written out, one anchor at a time: what the vectorised ones are held to."""

import math
from collections.abc import Callable, Sequence


def euclid(one: Sequence[float], other: Sequence[float]) -> float:
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)))


def batch_hard(features: Sequence[Sequence[float]], labels: Sequence[int], penalty: Callable[[float], float]) -> float:
    total = 0.0
    for i, anchor in enumerate(features):
        others = [(euclid(anchor, other), labels[j]) for j, other in enumerate(features) if j != i]
        positive = max(d for d, label in others if label == labels[i])
        negative = min(d for d, label in others if label != labels[i])
        total += penalty(positive - negative)
    return total / len(features)


def triplet_by_formula(features: Sequence[Sequence[float]], labels: Sequence[int], margin: float | None) -> float:
    """Hinge with a margin, log(1 + exp) without."""
    if margin is None:
        return batch_hard(features, labels, lambda gap: math.log1p(math.exp(gap)))
    return batch_hard(features, labels, lambda gap: max(gap + margin, 0.0))
