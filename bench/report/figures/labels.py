"""Names beside points and at the ends of lines, where there is room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import textalloc
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from bench.report.figures.style import OUTLINE
from bench.retrieval.table import FloatArray

POINTS_AN_INCH = 72
MARK_POINTS = 3.5
"""Half the width of a mark, with its rim."""
NEAREST, FARTHEST = 0.006, 0.12
"""Distances of a name from the mark at its point, as shares of a panel."""
MARGIN = 0.004
"""Around names, as a share of a panel."""


def name_beside(
    axes: Axes, points: Sequence[tuple[float, float]], names: Sequence[str], colour: str, size: float
) -> list[str]:
    """Write names beside points (data coordinates), each tied to its point; gives those without room.

    No name stands over another, a mark or a line of the panel, nor a tie over a name or a tie. The panel has its
    limits and, nearly, its final size.
    """
    lines, marks = _drawn(axes)
    marked = np.concatenate([np.empty((0, 2)), *marks])
    mark_pixels = MARK_POINTS * axes.figure.dpi / POINTS_AN_INCH
    _, _, texts, _ = textalloc.allocate(
        axes,
        *np.transpose(points),
        list(names),
        x_scatter=marked[:, 0],
        y_scatter=marked[:, 1],
        scatter_sizes=[mark_pixels] * len(marked),
        text_scatter_sizes=[mark_pixels] * len(points),
        x_lines=[corners[:, 0] for corners in lines],
        y_lines=[corners[:, 1] for corners in lines],
        textsize=size,
        textcolor=colour,
        linecolor=colour,
        linewidth=0.5,
        margin=MARGIN,
        min_distance=NEAREST,
        max_distance=FARTHEST,
        draw_all=False,
        avoid_label_lines_overlap=True,
        avoid_crossing_label_lines=True,
        path_effects=OUTLINE,
        zorder=6,
    )
    written = {text.get_text() for text in texts if text is not None}
    return [name for name in names if name not in written]


def name_lines(axes: Axes, ends: Mapping[str, tuple[float, float]], colours: Mapping[str, str], room: float) -> None:
    """Write the names of lines to the right of a panel, at the heights of their ends or as near as there is room.

    ``ends`` are (share of the panel's width, value); ``room`` is what a name needs, as a share of the panel's height.
    Limits and scale of the vertical axis have to be settled.
    """
    to_panel = axes.transData + axes.transAxes.inverted()
    left = axes.get_xlim()[0]
    heights = {name: float(to_panel.transform((left, value))[1]) for name, (_, value) in ends.items()}
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


def spread(heights: Sequence[float], room: float) -> list[float]:
    """Rising heights, moved as little as leaves ``room`` between them."""
    piles: list[list[float]] = []
    for height in heights:
        piles.append([height])
        # Names that would touch form a pile around their common middle; a pile may run into the one below it.
        while len(piles) > 1 and np.mean(piles[-1]) - np.mean(piles[-2]) < room * (len(piles[-1]) + len(piles[-2])) / 2:
            above = piles.pop()
            piles[-1] += above
    return [float(np.mean(pile)) + room * (index - (len(pile) - 1) / 2) for pile in piles for index in range(len(pile))]


def _drawn(axes: Axes) -> tuple[list[FloatArray], list[FloatArray]]:
    """Corners of the lines and bars of a panel, and its marks, each (K, 2) in data coordinates."""
    lines, marks = [], []
    for line in axes.get_lines():
        corners = np.asarray(line.get_xydata(), dtype=float)
        corners = corners[np.isfinite(corners).all(axis=1)]
        if line.get_marker() not in (None, "None", "", " "):
            marks.append(corners)
        if line.get_linestyle() not in ("None", "", " "):
            lines.append(corners)
    for bars in axes.collections:
        if isinstance(bars, LineCollection):
            lines += [np.asarray(segment, dtype=float) for segment in bars.get_segments()]
    return lines, marks
