"""Gallery separability: a query whose best match stands clear of everybody else leaves early."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.budget.policy import Policy

if TYPE_CHECKING:
    from bench.retrieval.table import FloatArray, Signals


def gallery_separability(signals: Signals, generator: np.random.Generator) -> FloatArray:
    """Take the distance from the nearest gallery image to the nearest one of another identity: (N, S).

    HashReID's section 3.4: the top two retrievals *of different identities*. (Section 4.6 speaks of the top two
    matches, which often show one person and say little.)
    """
    return signals.identity_margin


def image_separability(signals: Signals, generator: np.random.Generator) -> FloatArray:
    """Take the distance from the nearest gallery image to the second nearest, whomever it shows: (N, S).

    HashReID's section 4.6. inf where the gallery in sight has one image.
    """
    nearest, second = signals.nearest_distances[..., 0], signals.nearest_distances[..., 1]
    alone = np.isinf(second)
    return np.where(alone, np.inf, second - np.where(alone, 0.0, nearest))


IMAGE_SEPARABILITY = Policy(
    name="gs:second",
    summary="gallery separability read as: the best match is far ahead of the second image",
    source="HashReID, section 4.6",
    confidence=image_separability,
)
GALLERY_SEPARABILITY = Policy(
    name="gs",
    summary="gallery separability: the best match is far ahead of the next identity",
    source="HashReID, section 3.4; DaRe, section 4 ('margin')",
    confidence=gallery_separability,
    readings={"second": IMAGE_SEPARABILITY},
)
