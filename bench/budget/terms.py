"""Words and numbers that records of a sweep use, for those who write them and those who read them."""

from __future__ import annotations

REACHED = (95, 99)
"""Percentages of the last exit's metric whose cost is reported."""
INTERPOLATION = "interpolation"
"""What a policy is compared with beside the other policies: drawing between neighbouring exits."""
OWN, CALIBRATION = "own", "calibration"
"""Where a threshold comes from: the policy itself, or identities held out of training."""
NOT_UNDER_EVERY_DRAW = "at least under some draws of the people"
"""When a value of a curve is left out that its area is there for: it has no interval then."""
NO_GAP = f"the oracle is not ahead of interpolation, {NOT_UNDER_EVERY_DRAW}"
"""Why a curve with an area has no ``gap_closed``."""
NOT_REACHED = f"no budget reaches that accuracy, {NOT_UNDER_EVERY_DRAW}"
"""Why a curve with an area has no ``cost_for`` an accuracy."""
