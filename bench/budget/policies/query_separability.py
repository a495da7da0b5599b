"""Query separability: a query close to its nearest gallery image leaves early."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.budget.policy import Policy

if TYPE_CHECKING:
    import numpy as np

    from bench.retrieval.table import FloatArray, Signals


def query_separability(signals: Signals, generator: np.random.Generator) -> FloatArray:
    """Take the distance to the nearest gallery image, negated: (N, S)."""
    return -signals.nearest_distances[:, :, 0]


QUERY_SEPARABILITY = Policy(
    name="qs",
    summary="query separability: the nearest gallery image is close",
    source="HashReID, section 4.6; DaRe, section 4 ('distance')",
    confidence=query_separability,
)
