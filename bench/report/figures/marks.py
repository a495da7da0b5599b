"""The marks that figures of accuracy against budget share: a curve with its interval, and the exits as points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.findings.costs import CostScale
from bench.findings.curves import Curve
from bench.findings.rounding import percent
from bench.findings.setups import Setup
from bench.report.figures.style import OUTLINE, LineStyle
from bench.report.figures.values import name_points
from bench.retrieval.table import FloatArray

INTERVALS = "Bands and bars: 95 % intervals over test identities"
OVER_SEEDS = ", means over the seeds like the thick lines; thin lines are the single seeds"
"""What captions say of intervals, and add where there are several seeds (:func:`over_seeds`)."""
MOST_SEEDS = 12
"""Seeds of a setup that have lines of their own: nobody tells more of them apart."""
LETTER_WIDTH = 0.019
"""Room that a letter of an exit's name needs, as a share of the way from the first exit to the last."""
LEVEL_HEIGHT = 0.12
"""Names at heights that differ by less than this share of the values' range need half as much room again."""
TWO_LABELS_WIDTH = 0.3
"""Room that the last two names need between their exits, of which one reaches to the right and one to the left."""


def over_seeds(setups: Iterable[Setup]) -> str:
    """Say what thick and thin lines are, where a setup has several seeds."""
    most = max(len(setup.runs) for setup in setups)
    return "" if most == 1 else OVER_SEEDS + (f", {MOST_SEEDS} of them where there are more" * (most > MOST_SEEDS))


def seeds_left_out(setup: Setup, what: str = "lines") -> str:
    """Say so where not all seeds of a setup are drawn."""
    count = len(setup.runs)
    return f" Drawn: {what} of {MOST_SEEDS} of the {count:,} seeds." if count > MOST_SEEDS else ""


def draw_line(
    axes: Axes, curve: Curve, style: LineStyle, scale: CostScale, *, markers: bool, first_marker: int = 0, of: int = 1
) -> None:
    """Draw a curve in percent; markers of several curves take turns, so that they do not hide one another."""
    if curve.low is not None and curve.high is not None:
        band: dict[str, Any] = {"color": style.colour, "alpha": 0.16, "linewidth": 0, "zorder": 1}
        axes.fill_between(curve.costs / scale.factor, 100 * curve.low, 100 * curve.high, **band)
    for costs, values in curve.single_seeds[:MOST_SEEDS]:
        axes.plot(costs / scale.factor, 100 * values, **style.line(), linewidth=0.5, alpha=0.6, zorder=2)
    looks = style.points() if markers else {}
    every = (min(first_marker, max(len(curve) - 1, 0)), max(of, len(curve) // 6))
    axes.plot(curve.costs / scale.factor, 100 * curve.values, **style.line(), **looks, markevery=every, zorder=3)


def tell_values(axes: Axes, curve: Curve, scale: CostScale, name: str, metric: str, unit: str = "%") -> None:
    """Let a reader point at the points of a curve: ``gs: mAP 59.3 % [57.1 to 61.2] at 45.2 M multiply-adds``."""
    texts = []
    for index, (cost, value) in enumerate(zip(curve.costs, curve.values, strict=True)):
        interval = ""
        if curve.low is not None and curve.high is not None:
            interval = f" [{percent(curve.low[index])} to {percent(curve.high[index])}]"
        texts.append(f"{name}: {metric} {percent(value)} {unit}{interval} at {scale.text(cost)}")
    name_points(axes, curve.costs / scale.factor, 100 * curve.values, texts)


def handles_of(styles: Mapping[str, LineStyle]) -> list[Artist]:
    """Entries of a legend: line and marker of each name, in the order of the mapping."""
    return [Line2D([], [], **style.line(), **style.points(), label=name) for name, style in styles.items()]


def draw_exits(axes: Axes, curve: Curve, style: LineStyle, scale: CostScale, names: Sequence[str]) -> None:
    """Draw exits as points in percent, with bars for intervals, and label them with ``names`` if there are any."""
    costs, values = curve.costs / scale.factor, 100 * curve.values
    if curve.low is not None and curve.high is not None:
        # A percentile interval may leave its own point out by a hair; a bar has no negative length.
        bars = np.maximum([values - 100 * curve.low, 100 * curve.high - values], 0)
        axes.errorbar(costs, values, yerr=bars, fmt="none", ecolor=style.colour, elinewidth=0.9, zorder=4)
    axes.plot(costs, values, linestyle="none", **style.points(), markersize=5.5, zorder=5)
    crowded = len(costs) > 1 and costs[-1] - costs[-2] < TWO_LABELS_WIDTH * (costs[-1] - costs[0])
    for index, (name, text) in enumerate(zip(names, _labels(names, costs, values), strict=True)):
        # The last one hangs lower: the interpolation comes up to its point from the left.
        hanging = index == len(names) - 1 and text == name
        axes.annotate(
            text,
            (costs[index], values[index]),
            xytext=(10 if crowded else -5, -21) if hanging else (4, -11),
            textcoords="offset points",
            ha="right" if hanging else "left",
            fontsize=8,
            zorder=6,
            path_effects=OUTLINE,
        )


def _labels(names: Sequence[str], costs: FloatArray, values: FloatArray) -> list[str]:
    """Label exits with their names, or with their numbers where they stand too close for that."""
    if len(names) < 2:
        return list(names)
    level = np.abs(np.diff(values)) < LEVEL_HEIGHT * np.ptp(values)
    needed = LETTER_WIDTH * max(map(len, names)) * np.where(level, 1.5, 1.0)
    if np.all(np.diff(costs) > needed * (costs[-1] - costs[0])):
        return list(names)
    return [str(number) for number in range(1, len(names) + 1)]
