"""Random exits: as many queries leave as under any other policy, chosen at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.budget.policy import Policy

if TYPE_CHECKING:
    import numpy as np

    from bench.retrieval.table import FloatArray, Signals


def random_confidence(signals: Signals, generator: np.random.Generator) -> FloatArray:
    """Draw (N, S) uniform numbers."""
    return generator.random(signals.identity_margin.shape)


RANDOM = Policy(
    name="random",
    summary="who leaves is drawn at random",
    source="HashReID, section 4.6; DaRe, section 5.3",
    confidence=random_confidence,
    own_threshold=0.5,
    drawn=True,
    searches=False,
)
