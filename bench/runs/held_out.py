"""Whether a sweep stands on enough queries of identities that were held out of training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

FEW = 100
"""Of fewer held-out queries, a fraction is known to five points at best: the standard error of a half of them."""


def few_held_out(header: Mapping[str, Any]) -> str:
    """Say so where a sweep chose thresholds, and taught policies, on few held-out queries; nothing where it did not."""
    count = header["dataset"]["counts"].get("calibration queries")
    if not (header.get("sweep") or {}).get("policies") or not isinstance(count, int) or not 0 < count < FEW:
        return ""
    points = 100 * math.sqrt(0.25 / count)
    return (
        f"only {count} held-out queries set thresholds and teach the policies that learn: a fraction read off so few "
        f"is uncertain by up to {points:.0f} points (standard error), and a budget may be missed by as much; "
        "--calibration holds out more identities"
    )
