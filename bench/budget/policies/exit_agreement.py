"""Agreement between exits: a query on whose identity two exits in a row agree by a wide margin leaves early."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.budget.policy import Policy

if TYPE_CHECKING:
    from bench.retrieval.table import FloatArray, Signals


def exit_agreement(signals: Signals, generator: np.random.Generator) -> FloatArray:
    """Take the margin, in the distance of this exit, by which the identity that the exit before found leads: (N, S).

    Where both exits find the same person it is the margin to the next identity; where they do not it is negative: how
    much further off the former person is than the one found here. In bits where codes are binary. The first exit has
    nothing before it and takes gallery separability.
    """
    nearest = signals.nearest_distances[:, :, 0]
    confidence = signals.identity_margin.copy()
    differs = signals.nearest_pids[:, 1:, 0] != signals.nearest_pids[:, :-1, 0]
    behind = np.full(differs.shape, -np.inf)
    np.subtract(
        nearest[:, 1:], signals.previous_identity_distance[:, 1:], out=behind, where=np.isfinite(nearest[:, 1:])
    )
    confidence[:, 1:] = np.where(differs, behind, confidence[:, 1:])
    return confidence


EXIT_AGREEMENT = Policy(
    name="agreement",
    summary="agreement between exits: the identity that the exit before found leads here, by so many bits",
    source="the margin between classifiers' answers, on Hamming distances",
    confidence=exit_agreement,
)
