"""Which setups of a section are drawn where there are more than a figure can hold, and which policy they share."""

from __future__ import annotations

from dataclasses import replace

from bench.findings.curves import exit_curve
from bench.findings.sections import Section
from bench.findings.setups import Setup

PREFERRED_POLICY = "gs"
"""The policy that is shown where any would do."""
MOST_SETUPS = 16
"""Setups of a section that have lines, figures and a part on the page, where nothing else is asked for."""


def best_setups(section: Section, most: int = MOST_SETUPS) -> Section:
    """Give a section with at most so many of its setups: those whose best exit has the highest mAP, by their names."""
    if len(section.setups) <= most:
        return section
    best = sorted(section.setups, key=lambda setup: (-_best(setup), setup.slug))[:most]
    return replace(section, setups=tuple(setup for setup in section.setups if setup in best))


def left_out(section: Section, shown: Section, what: str = "Drawn", then: str = "; the tables hold all") -> str:
    """Say which setups are drawn, or what else was done with them, where not all are; else nothing."""
    if len(shown.setups) == len(section.setups):
        return ""
    return (
        f"{what}: the {len(shown.setups)} of {len(section.setups):,} setups whose best exit has the highest mAP{then}."
    )


def shared_policy(section: Section) -> tuple[str, str]:
    """Choose policy and thresholding that most setups were swept under; gs and stream where the choice is even."""
    candidates: dict[tuple[str, str], int] = {}
    for setup in section.setups:
        for thresholding in setup.thresholdings():
            for policy in setup.policies(thresholding):
                candidates[policy, thresholding] = candidates.get((policy, thresholding), 0) + 1
    if not candidates:
        return "", ""

    def rank(candidate: tuple[str, str]) -> tuple[object, ...]:
        policy, thresholding = candidate
        return (
            -candidates[candidate],
            thresholding != "stream",
            policy != PREFERRED_POLICY,
            policy == "random",
            policy,
            thresholding,
        )

    return min(candidates, key=rank)


def _best(setup: Setup) -> float:
    """Highest mAP of an exit, mean over the seeds."""
    return float(exit_curve(setup, "mAP").values.max())
