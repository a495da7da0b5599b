"""Published curves of accuracy against budget, drawn in grey beside the measured ones of the same dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.findings.costs import CostScale
from bench.findings.reported.match import is_reported
from bench.findings.reported.papers import budget_points
from bench.findings.sections import Section
from bench.report.figures.style import REFERENCE_COLOUR
from bench.retrieval.table import FloatArray

PUBLISHED_LINE: dict[str, Any] = {"color": REFERENCE_COLOUR, "linestyle": (0, (5, 1.2, 1, 1.2)), "linewidth": 1.1}
PUBLISHED_POINTS: dict[str, Any] = {
    "marker": "d",
    "markersize": 3.5,
    "markerfacecolor": "white",
    "markeredgecolor": REFERENCE_COLOUR,
    "markeredgewidth": 0.8,
}


@dataclass(frozen=True, eq=False)
class PublishedCurve:
    """Accuracies by metric, each (K,), at realised costs (K,), and what to know about them."""

    label: str
    method: str
    policy: str
    costs: FloatArray
    values: Mapping[str, FloatArray]
    caption: str

    def meets(self, costs: FloatArray) -> bool:
        """Whether the curve spends what others spend: on one linear axis with them, it is readable."""
        return bool(self.costs.min() <= costs.max() and self.costs.max() >= costs.min())

    def draw(self, axes: Axes, metric: str, scale: CostScale) -> None:
        """Draw the curve in percent, behind the measured ones."""
        axes.plot(self.costs / scale.factor, 100 * self.values[metric], **PUBLISHED_LINE, **PUBLISHED_POINTS, zorder=2)

    @property
    def labels(self) -> list[str]:
        """Entries of the legend."""
        return [self.label]

    def handles(self) -> list[Line2D]:
        """Give the legend's entries."""
        return [Line2D([], [], **PUBLISHED_LINE, **PUBLISHED_POINTS, label=self.label)]


def published_curve(section: Section, policies: Iterable[str]) -> PublishedCurve | None:
    """Curve of the first of these policies that one was published for on the section's dataset.

    None where there is none, and where the section's cost is not the published one.
    """
    if not is_reported(section) or not section.cost.is_default:
        return None
    for policy in policies:
        points = [point for point in budget_points() if (point.dataset, point.policy) == (section.dataset, policy)]
        if not points:
            continue
        source, printed = points[0].source, points[0].printed_policy
        called = policy if printed == policy else f"{policy} (there: {printed})"
        return PublishedCurve(
            label=f"{source.name}, published ({policy})",
            method=points[0].method,
            policy=policy,
            costs=np.array([float(1_000_000 * point.resulted_million_macs) for point in points]),
            values={
                "mAP": np.array([float(point.mean_average_precision / 100) for point in points]),
                "rank-1": np.array([float(point.rank_1 / 100) for point in points]),
            },
            caption=(
                f"Grey with open diamonds, not measured here: {source.name} as published, policy {called}, a stream, "
                f"at realised cost ({source.citation}, {points[0].place}). {source.notes}"
            ),
        )
    return None
