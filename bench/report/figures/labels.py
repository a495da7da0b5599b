"""Names beside points and at the ends of lines, where there is room.

No name stands over another or over a mark, and as little as can be over lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from bench.report.figures.style import OUTLINE
from bench.retrieval.table import FloatArray

POINTS_AN_INCH = 72
LETTER = 0.56
"""Width of a letter on average, as a share of its height."""
GAPS_POINTS = (5.0, 12.0, 19.0, 27.0)
"""Distances of a name from its point; from the second on, a leader ties them together."""
MARK_POINTS = 3.5
"""Half the width of a mark, with its rim."""
FAR = 6
"""A step further away is as bad as so many covered points of a line."""
MISTAKEN = 12
"""So bad is a place that is as near to the mark of another name."""
SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
"""Where a name may stand beside its point, in the order of preference: right, left, above, below, the corners."""


class Box(NamedTuple):
    """A rectangle in points of a panel, from its lower left corner."""

    left: float
    low: float
    right: float
    high: float

    def holds(self, points: FloatArray, margin: float = 0.0) -> int:
        """Count the points (N, 2) in it, or nearer to it than a margin."""
        across, up = points.T
        inside = (across > self.left - margin) & (across < self.right + margin)
        return int(np.sum(inside & (up > self.low - margin) & (up < self.high + margin)))

    def distances(self, points: FloatArray) -> FloatArray:
        """Distances of points (N, 2) from its edge; 0 within."""
        beside = np.maximum(np.maximum(self.left - points[:, 0], points[:, 0] - self.right), 0)
        above = np.maximum(np.maximum(self.low - points[:, 1], points[:, 1] - self.high), 0)
        return np.hypot(beside, above)

    def overlaps(self, other: Box) -> bool:
        """Whether the two have a place in common."""
        return self.left < other.right and other.left < self.right and self.low < other.high and other.low < self.high


class Place(NamedTuple):
    """One place that a name may take."""

    box: Box
    side: tuple[int, int]
    step: int


def name_beside(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    names: Sequence[str],
    panel_inches: tuple[float, float],
    colour: str,
    size: float,
) -> list[str]:
    """Write names beside points (data coordinates) of a panel whose limits are settled; gives those without room.

    ``panel_inches`` is about the size that the panel will have. Each name takes the place on which it covers least of
    the lines that are drawn already; it never covers a mark or another name.
    """
    width, height = (inches * POINTS_AN_INCH for inches in panel_inches)
    to_panel = axes.transData + axes.transAxes.inverted()

    def placed(data: Any) -> FloatArray:
        return np.asarray(to_panel.transform(np.asarray(data, dtype=float).reshape(-1, 2))) * (width, height)

    lines, marks = _drawn(axes)
    covering = np.concatenate([np.empty((0, 2)), *(_finely(placed(corners)) for corners in lines)])
    marked = placed(np.concatenate([np.empty((0, 2)), *marks]))
    own = placed(points)
    possible = {
        name: [
            place
            for place in _places(at, LETTER * size * len(name), 1.15 * size)
            if place.box.left >= 0 and place.box.right <= width and place.box.low >= 0 and place.box.high <= height
            if not place.box.holds(marked, MARK_POINTS)
        ]
        for at, name in zip(own, names, strict=True)
    }
    taken: list[Box] = []
    left_out: list[str] = []
    # Names with the fewest places near by choose first.
    for name in sorted(possible, key=lambda name: sum(place.step == 0 for place in possible[name])):
        index = list(names).index(name)
        at, point = own[index], points[index]
        others = marked[np.hypot(*(marked - at).T) > 1]
        free = [place for place in possible[name] if not any(place.box.overlaps(other) for other in taken)]
        if not free:
            left_out.append(name)
            continue

        def cost(
            place: Place, at: FloatArray = at, others: FloatArray = others, covering: FloatArray = covering
        ) -> float:
            leader = _leader(at, place)
            crossed = sum(int(np.min(np.hypot(*(other - leader).T)) < MARK_POINTS) for other in others)
            crossed += sum(box.holds(leader) > 0 for box in taken)
            mistaken = 0 if place.step else int(np.sum(place.box.distances(others) < GAPS_POINTS[0] + MARK_POINTS))
            return place.box.holds(covering) + FAR * place.step + MISTAKEN * (mistaken + crossed)

        best = min(free, key=cost)
        taken.append(best.box)
        gap = GAPS_POINTS[best.step]
        if best.step:
            covering = np.concatenate([covering, _leader(at, best)])
        leader = {"arrowstyle": "-", "color": colour, "linewidth": 0.5, "shrinkA": 0.5, "shrinkB": 2.5}
        axes.annotate(
            name,
            point,
            xytext=(gap * best.side[0], gap * best.side[1]),
            textcoords="offset points",
            ha=("center", "left", "right")[best.side[0]],
            va=("center", "bottom", "top")[best.side[1]],
            fontsize=size,
            color=colour,
            zorder=6,
            arrowprops=leader if best.step else None,
            path_effects=OUTLINE,
        )
    return left_out


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


def _places(at: FloatArray, width: float, height: float) -> Iterator[Place]:
    """Places of a name around its point, from near to far."""
    for step, gap in enumerate(GAPS_POINTS):
        for side in SIDES:
            left = at[0] + gap * side[0] - width * (0.5, 0.0, 1.0)[side[0]]
            low = at[1] + gap * side[1] - height * (0.5, 0.0, 1.0)[side[1]]
            yield Place(Box(left, low, left + width, low + height), side, step)


def _leader(at: FloatArray, place: Place) -> FloatArray:
    """Points (N, 2) of the way from a mark to its name."""
    return _finely(np.array([at, at + np.multiply(place.side, GAPS_POINTS[place.step])]))


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


def _finely(corners: FloatArray, step: float = 3.0) -> FloatArray:
    """Points (N, 2) along a line with these corners (K, 2), a few points of paper apart."""
    if len(corners) < 2:
        return corners
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    along = np.linspace(0, lengths[-1], 2 + int(lengths[-1] / step))
    return np.stack([np.interp(along, lengths, corners[:, axis]) for axis in (0, 1)], axis=1)
