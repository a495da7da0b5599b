"""Words and numbers that records of a sweep use, for those who write them and those who read them."""

from __future__ import annotations

REACHED = (95, 99)
"""Percentages of the last exit's metric whose cost is reported."""
INTERPOLATION = "interpolation"
"""What a policy is compared with beside the other policies: drawing between neighbouring exits."""
OWN, CALIBRATION = "own", "calibration"
"""Where a threshold comes from: the policy itself, or identities held out of training."""
