"""Gallery separability: a query whose best match stands clear of everybody else leaves early."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.budget.policy import Policy

if TYPE_CHECKING:
    import numpy as np

    from bench.retrieval.table import FloatArray, Signals


def gallery_separability(signals: Signals, generator: np.random.Generator) -> FloatArray:
    """Take the distance from the nearest gallery image to the nearest one of another identity: (N, S).

    HashReID's section 3.4: the top two retrievals *of different identities*. (Section 4.6 speaks of the top two
    matches, which often show one person and say little.)
    """
    return signals.identity_margin


GALLERY_SEPARABILITY = Policy(
    name="gs",
    summary="gallery separability: the best match is far ahead of the next identity",
    source="HashReID, section 3.4; DaRe, section 4 ('margin')",
    confidence=gallery_separability,
)
