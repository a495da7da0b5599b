"""The marks that figures of accuracy against budget share: a curve with its interval, and the exits as points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from bench.report.curves import Curve, FloatArray
from bench.report.figures.apart import spread
from bench.report.figures.style import LineStyle, MacUnit

FIGURE_METRICS = ("mAP", "rank-1")
PREFERRED_POLICY = "gs"
"""The policy of a figure that has room for one."""
INTERVALS = "Bands and bars: 95 % intervals over test identities"
OVER_SEEDS = ", means over the seeds like the thick lines; thin lines are the single seeds"
"""What captions say of intervals, and add where there are several seeds."""
LABEL_WIDTH = 0.11
"""Room that the name of an exit needs, as a share of the way from the first exit to the last."""
SIDE_BY_SIDE_WIDTH = 0.16
"""Room that it needs beside another at the same height."""
LABEL_HEIGHT = 0.12
"""Heights that differ by less than this share of the range of the exits' values are the same."""
TWO_LABELS_WIDTH = 0.3
"""Room that the last two names need between their exits, of which one reaches to the right and one to the left."""


def draw_line(
    axes: Axes, curve: Curve, style: LineStyle, unit: MacUnit, *, markers: bool, first_marker: int = 0, of: int = 1
) -> None:
    """Draw a curve in percent; markers of several curves take turns, so that they do not hide one another."""
    if curve.low is not None and curve.high is not None:
        band: dict[str, Any] = {"color": style.colour, "alpha": 0.16, "linewidth": 0, "zorder": 1}
        axes.fill_between(curve.macs / unit.macs, 100 * curve.low, 100 * curve.high, **band)
    if curve.single_seeds:
        macs, values = (joined(parts) for parts in zip(*curve.single_seeds, strict=True))
        axes.plot(macs / unit.macs, 100 * values, **style.line(), linewidth=0.5, alpha=0.6, zorder=2)
    looks = style.points() if markers else {}
    every = (min(first_marker, max(len(curve) - 1, 0)), max(of, len(curve) // 6))
    axes.plot(curve.macs / unit.macs, 100 * curve.values, **style.line(), **looks, markevery=every, zorder=3)


def handles_of(styles: Mapping[str, LineStyle]) -> list[Artist]:
    """Entries of a legend: line and marker of each name, in the order of the mapping."""
    return [Line2D([], [], **style.line(), **style.points(), label=name) for name, style in styles.items()]


def name_lines(axes: Axes, ends: Mapping[str, tuple[float, float]], colours: Mapping[str, str], room: float) -> None:
    """Write the names of lines to the right of a panel, at the heights of their ends or as near as there is room.

    ``ends`` are (share of the panel's width, value); ``room`` is what a name needs, as a share of the panel's height.
    Limits and scale of the vertical axis have to be settled.
    """
    to_panel = axes.transData + axes.transAxes.inverted()
    heights = {name: float(to_panel.transform((axes.get_xlim()[0], value))[1]) for name, (_, value) in ends.items()}
    ordered = sorted(heights, key=lambda name: (heights[name], name))
    for name, height in zip(ordered, spread([heights[name] for name in ordered], room), strict=True):
        axes.annotate(
            name,
            xy=(ends[name][0], heights[name]),
            xytext=(1.05, height),
            xycoords="axes fraction",
            textcoords="axes fraction",
            va="center",
            arrowprops={"arrowstyle": "-", "color": colours[name], "linewidth": 0.8, "shrinkA": 1, "shrinkB": 4},
            annotation_clip=False,
        )


def joined(lines: Sequence[FloatArray]) -> FloatArray:
    """Join coordinates of several lines to those of one with gaps, which is drawn at a fraction of the cost."""
    return np.concatenate([part for line in lines for part in (line, [np.nan])])


def draw_exits(axes: Axes, curve: Curve, style: LineStyle, unit: MacUnit, names: Sequence[str]) -> None:
    """Draw exits as points in percent, with bars for intervals, and label them with ``names`` if there are any."""
    macs, values = curve.macs / unit.macs, 100 * curve.values
    if curve.low is not None and curve.high is not None:
        # A percentile interval may leave its own point out by a hair; a bar has no negative length.
        bars = np.maximum([values - 100 * curve.low, 100 * curve.high - values], 0)
        axes.errorbar(macs, values, yerr=bars, fmt="none", ecolor=style.colour, elinewidth=0.9, zorder=4)
    axes.plot(macs, values, linestyle="none", **style.points(), markersize=5.5, zorder=5)
    crowded = len(macs) > 1 and macs[-1] - macs[-2] < TWO_LABELS_WIDTH * (macs[-1] - macs[0])
    for place, (name, text) in enumerate(zip(names, _labels(names, macs, values), strict=True)):
        # The last one hangs lower: the straight line comes up to its point from the left.
        hanging = place == len(names) - 1 and text == name
        label = axes.annotate(
            text,
            (macs[place], values[place]),
            xytext=(10 if crowded else -5, -21) if hanging else (4, -11),
            textcoords="offset points",
            ha="right" if hanging else "left",
            fontsize=8,
            zorder=6,
        )
        label.set_path_effects([withStroke(linewidth=2, foreground="white")])


def _labels(names: Sequence[str], macs: FloatArray, values: FloatArray) -> list[str]:
    """Label exits with their names, or with their numbers where they stand too close for that."""
    if len(names) < 2:
        return list(names)
    level = np.abs(np.diff(values)) < LABEL_HEIGHT * np.ptp(values)
    if np.all(np.diff(macs) > np.where(level, SIDE_BY_SIDE_WIDTH, LABEL_WIDTH) * (macs[-1] - macs[0])):
        return list(names)
    return [str(place) for place in range(1, len(names) + 1)]
