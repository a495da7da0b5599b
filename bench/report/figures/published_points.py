"""Published points in grey beside the measured ones of the same dataset: networks without exits, and single exits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.findings.costs import CostScale
from bench.findings.reported.match import is_reported
from bench.findings.reported.papers import accuracies, exit_costs, static_points
from bench.findings.reported.values import Accuracy, StaticPoint
from bench.findings.sections import Section
from bench.report.figures.style import REFERENCE_COLOUR
from bench.report.figures.values import draw_named
from bench.retrieval.table import FloatArray

STATIC_POINTS: dict[str, Any] = {
    "marker": "s",
    "markersize": 3.8,
    "markerfacecolor": "white",
    "markeredgecolor": REFERENCE_COLOUR,
    "markeredgewidth": 0.9,
}
STATIC_LABEL = "published, networks without exits"
FAMILY_LINE: dict[str, Any] = {"color": REFERENCE_COLOUR, "linestyle": "-", "linewidth": 0.6}
EXITS_LINE: dict[str, Any] = {"color": REFERENCE_COLOUR, "linestyle": (0, (1, 1.2)), "linewidth": 1.1}
EXIT_POINTS: dict[str, Any] = {"marker": "*", "markersize": 6, "markerfacecolor": REFERENCE_COLOUR}
EXIT_POINTS |= {"markeredgecolor": "white", "markeredgewidth": 0.5}


@dataclass(frozen=True)
class PublishedPoints:
    """Networks without exits (``static``), and exits of a network that a paper scored one by one (``exits``)."""

    static: tuple[StaticPoint, ...]
    exits: tuple[tuple[int, Accuracy], ...]
    """Multiply-adds of each exit, with the row that has its accuracy at that stage."""

    @property
    def costs(self) -> FloatArray:
        """Multiply-adds (K,) of everything."""
        return np.array([*(point.macs for point in self.static), *(macs for macs, _ in self.exits)], dtype=float)

    @property
    def exits_label(self) -> str:
        """The legend's entry of the exits."""
        return f"{self.exits[0][1].source.name}, published (everybody at one exit)" if self.exits else ""

    @property
    def labels(self) -> list[str]:
        """Entries of the legend."""
        return [STATIC_LABEL] * bool(self.static) + [self.exits_label] * bool(self.exits)

    def handles(self) -> list[Line2D]:
        """Give the legend's entries."""
        handles = [Line2D([], [], linestyle="none", **STATIC_POINTS, label=STATIC_LABEL)] * bool(self.static)
        return handles + [Line2D([], [], **EXITS_LINE, **EXIT_POINTS, label=self.exits_label)] * bool(self.exits)

    def draw(self, axes: Axes, metric: str, scale: CostScale) -> None:
        """Draw them in percent, behind the measured ones."""
        known = [(macs, value) for macs, value in self._at_exits(metric) if value is not None]
        if known:
            costs, values = np.array(known, dtype=float).T
            texts = [f"{self.exits_label}: {metric} {value} %, {scale.text(macs)}" for macs, value in known]
            draw_named(axes, costs / scale.factor, values, texts, **EXITS_LINE, **EXIT_POINTS, zorder=2)
        scored = self._scored(metric)
        for family in dict.fromkeys(point.family for point, _ in scored if point.family):
            sizes = [(point.macs / scale.factor, value) for point, value in scored if point.family == family]
            axes.plot(*np.array(sizes).T, **FAMILY_LINE, zorder=1.5)
        costs = np.array([point.macs / scale.factor for point, _ in scored])
        values = np.array([value for _, value in scored])
        texts = [
            f"{point.label}: {metric} {value:g} % at {scale.text(point.macs)}; {point.accuracy.source.name}, "
            f"{point.accuracy.place}; cost: {point.counted}"
            for point, value in scored
        ]
        draw_named(axes, costs, values, texts, linestyle="none", **STATIC_POINTS, zorder=2.5)

    def named(self, metric: str, scale: CostScale) -> dict[str, tuple[float, float]]:
        """Names to be written beside points, with where these stand; one for sizes of a network."""
        scored = self._scored(metric)
        return {point.family or point.label: (point.macs / scale.factor, value) for point, value in scored}

    @property
    def caption(self) -> str:
        """Say where the points are from, and who counted what they cost."""
        told = []
        if self.static:
            sources = dict.fromkeys(point.accuracy.source for point in self.static)
            rows = "; ".join(
                f"{point.label} ({point.accuracy.source.name}, {point.accuracy.place}; cost: {point.counted})"
                for point in self.static
            )
            told.append(
                f"Grey squares, not measured here: networks without exits as published, single numbers, {rows}. "
                + " ".join(f"{source.name}: {source.notes}" for source in sources)
            )
        if self.exits:
            row = self.exits[0][1]
            told.append(
                f"Grey stars, not measured here: the exits of {row.printed} in {row.source.name}, {row.place}, at "
                "costs counted here; the paper prints mAP at the last alone."
            )
        return " ".join(told)

    def _scored(self, metric: str) -> list[tuple[StaticPoint, float]]:
        values = [(point, _printed(point.accuracy, metric, stage=-1)) for point in self.static]
        return [(point, float(value)) for point, value in values if value is not None]

    def _at_exits(self, metric: str) -> list[tuple[int, Any]]:
        return [(macs, _printed(row, metric, stage)) for stage, (macs, row) in enumerate(self.exits)]


def published_points(section: Section) -> PublishedPoints | None:
    """What papers print for the section's dataset beside curves; None where that is nothing, or the cost is another."""
    if not is_reported(section) or not section.cost.is_default:
        return None
    static = tuple(point for point in static_points() if point.accuracy.dataset == section.dataset)
    row = next((row for row in accuracies() if (row.dataset, row.printed) == (section.dataset, "OURS+HE")), None)
    costs = [cost.macs for cost in exit_costs("hashreid")]
    exits = tuple((macs, row) for macs in costs) if row else ()
    return PublishedPoints(static, exits) if static or exits else None


def _printed(row: Accuracy, metric: str, stage: int) -> Any:
    """What a row has for a metric at a stage: rank-1 at each, mAP at the last."""
    if metric == "rank-1":
        return row.rank_1[stage]
    return row.mean_average_precision if stage in (-1, len(row.rank_1) - 1) else None
