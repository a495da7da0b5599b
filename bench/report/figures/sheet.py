"""A figure that finds places for its parts: panels in a grid, what is written around them, a legend beside or below.

Matplotlib's constrained layout does so for any figure. It measures every panel twice, and knows no legend below the
label that panels share; this one measures again only where other ticks became due by a panel's new size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecBase
from matplotlib.legend import Legend
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Affine2DBase, BboxBase, ScaledTranslation

from bench.report.curves import FloatArray
from bench.report.figures.apart import keep_apart
from bench.report.figures.style import DOTS_AN_INCH
from bench.report.figures.vectors import Ruler, RulerCanvas

EDGE_POINTS = 4.0
"""White around everything."""
GAP_POINTS = 8.0
"""Between the panels and what belongs to all of them."""
PANEL_GAP_POINTS = 10.0
"""Between neighbouring panels with what belongs to each."""
MOST_INTERVALS = 6
"""Into how many an axis is divided at most."""
NUMBERS_POINTS = 15.0
TITLE_POINTS = 13.0
"""What numbers at ticks and a title usually take; a good guess spares a second measurement."""
MEASUREMENTS = 3
"""Of a panel, at most; one is the rule."""


@dataclass(frozen=True)
class _Room:
    """What is left of the sheet, in points from its lower left corner."""

    left: float
    right: float
    bottom: float
    top: float


class Sheet(Figure):
    """A figure in the report's layout. Panels come from :meth:`subplots`; :meth:`place` is called once, at the end."""

    def __init__(self, width_inches: float, height_inches: float, gap_points: float = PANEL_GAP_POINTS) -> None:
        super().__init__(figsize=(width_inches, height_inches))
        self._gap = gap_points
        self._ruler = RulerCanvas(self).get_renderer()
        self._title: Text | None = None
        self._below: Text | None = None
        self._left: Text | None = None
        self._legend_below: Legend | None = None
        self._legend_beside: Legend | None = None

    def subplots(self, *grid: Any, **options: Any) -> Any:
        """Add panels in a grid, as any figure does, with few numbers at their axes: grid lines are to be counted."""
        panels = super().subplots(*grid, **options)
        for axes in self.axes:
            axes.locator_params(nbins=MOST_INTERVALS)
        return panels

    def suptitle(self, t: str, **looks: Any) -> Text:
        """Put a title over the panels."""
        self._title = super().suptitle(t, va="top", **looks)
        return self._title

    def supxlabel(self, t: str, **looks: Any) -> Text:
        """Put a label below the panels that is of all of them."""
        self._below = super().supxlabel(t, va="bottom", **looks)
        return self._below

    def supylabel(self, t: str, **looks: Any) -> Text:
        """Put a label to the left of the panels that is of all of them."""
        self._left = super().supylabel(t, ha="left", **looks)
        return self._left

    def legend_below(self, handles: Sequence[Artist], columns: int, **looks: Any) -> None:
        """Put a legend under everything else."""
        self._legend_below = self.legend(
            handles=handles,
            loc="lower center",
            bbox_to_anchor=(0.5, EDGE_POINTS / self._ruler.height),
            borderaxespad=0,
            borderpad=0,
            ncols=columns,
            **looks,
        )

    def legend_beside(self, handles: Sequence[Artist], **looks: Any) -> None:
        """Put a legend to the right of everything else."""
        self._legend_beside = self.legend(
            handles=handles,
            loc="center right",
            bbox_to_anchor=(1 - EDGE_POINTS / self._ruler.width, 0.5),
            borderaxespad=0,
            borderpad=0,
            **looks,
        )

    def place(self) -> None:
        """Place everything so that nothing overlaps, and the panels fill what is left."""
        room = self._room()
        panels = [_Panel.of(axes) for axes in self.axes]
        if not panels:
            return
        labels = np.array([panel.hold_labels(self._ruler) for panel in panels])
        self._spread(panels, np.array([panel.guess() for panel in panels]) + _as_margins(labels), room)
        numbers, margins = np.zeros((2, len(panels), 4))
        stale = list(range(len(panels)))
        for _ in range(MEASUREMENTS):
            ticks = [panel.ticks() for panel in panels]
            for place in stale:
                of_numbers, of_all = panels[place].margins(self._ruler)
                # Numbers that come and go in turns have room at any time.
                numbers[place] = np.maximum(numbers[place], of_numbers)
                margins[place] = np.maximum(margins[place], of_all)
            distances = _distances(panels, numbers, labels)
            self._spread(panels, np.maximum(margins, _as_margins(distances + labels)), room)
            stale = [place for place, panel in enumerate(panels) if panel.ticks() != ticks[place]]
            if not stale:
                break
        for panel, (left, below) in zip(panels, distances, strict=True):
            panel.put_labels(left, below, self.dpi_scale_trans)
            keep_apart(panel.names(), panel.axes.get_window_extent(self._ruler), self._ruler)
        boxes = [panel.axes.get_position(original=True) for panel in panels]
        if self._below:
            self._below.set_x((min(box.x0 for box in boxes) + max(box.x1 for box in boxes)) / 2)
        if self._left:
            self._left.set_y((min(box.y0 for box in boxes) + max(box.y1 for box in boxes)) / 2)

    def _room(self) -> _Room:
        """Place what goes around the panels, from the edges inwards, and give what is left."""
        ruler, width, height = self._ruler, self._ruler.width, self._ruler.height
        room = _Room(EDGE_POINTS, width - EDGE_POINTS, EDGE_POINTS, height - EDGE_POINTS)
        if self._title:
            self._title.set_y(room.top / height)
            room = replace(room, top=room.top - self._title.get_window_extent(ruler).height - GAP_POINTS)
        if self._legend_below:
            room = replace(room, bottom=room.bottom + self._legend_below.get_window_extent(ruler).height + GAP_POINTS)
        if self._legend_beside:
            room = replace(room, right=room.right - self._legend_beside.get_window_extent(ruler).width - GAP_POINTS)
        if self._below:
            self._below.set_y(room.bottom / height)
            room = replace(room, bottom=room.bottom + self._below.get_window_extent(ruler).height + GAP_POINTS)
        if self._left:
            self._left.set_x(room.left / width)
            room = replace(room, left=room.left + self._left.get_window_extent(ruler).width + GAP_POINTS)
        return room

    def _spread(self, panels: Sequence[_Panel], margins: FloatArray, room: _Room) -> None:
        """Share the room out; rows of ``margins`` are points left, right, above and below each panel."""
        grid = panels[0].grid
        columns = _shares(
            room.right - room.left,
            np.asarray(grid.get_width_ratios(), dtype=np.float64),
            [(panel.column, left, right) for panel, (left, right, _, _) in zip(panels, margins, strict=True)],
            self._gap,
        )
        rows = _shares(
            room.top - room.bottom,
            np.asarray(grid.get_height_ratios(), dtype=np.float64),
            [(panel.row, top, bottom) for panel, (_, _, top, bottom) in zip(panels, margins, strict=True)],
            self._gap,
        )
        width, height = self._ruler.width, self._ruler.height
        for panel in panels:
            (left, wide), (down, high) = columns[panel.column], rows[panel.row]
            bottom = room.top - down - high
            panel.axes.set_position(((room.left + left) / width, bottom / height, wide / width, high / height))


@dataclass(frozen=True, eq=False)
class _Panel:
    """Axes with their place in the grid."""

    axes: Axes
    grid: GridSpecBase
    row: int
    column: int

    @classmethod
    def of(cls, axes: Axes) -> _Panel:
        """Ask axes for their place; they must come from ``subplots()``."""
        place = axes.get_subplotspec()
        if place is None:
            raise ValueError("expected axes in a grid, found some that were added by themselves; use subplots()")
        return cls(axes, place.get_gridspec(), place.rowspan.start, place.colspan.start)

    def ticks(self) -> tuple[list[float], list[float]]:
        """Where the ticks of both axes are."""
        return list(self.axes.xaxis.get_majorticklocs()), list(self.axes.yaxis.get_majorticklocs())

    def guess(self) -> tuple[float, float, float, float]:
        """Margins without the labels as they usually are, before anything is measured."""
        axes = self.axes
        below = axes.axison and axes.xaxis.get_tick_params().get("labelbottom", True)
        return NUMBERS_POINTS * axes.axison, 0.0, TITLE_POINTS * bool(axes.get_title()), NUMBERS_POINTS * below

    def hold_labels(self, ruler: Ruler) -> tuple[float, float]:
        """Take the labels of both axes away until they are put; gives how thick they are, that to the left first.

        Left to themselves they would look for all numbers anew whenever anybody asks for their place.
        """
        thick = []
        for axis in (self.axes.yaxis, self.axes.xaxis):
            box = axis.label.get_window_extent(ruler)
            size = box.width if axis is self.axes.yaxis else box.height
            thick.append(size + axis.labelpad if axis.label.get_text() and self.axes.axison else 0.0)
            axis.set_label_coords(0, 0)
            axis.label.set_multialignment("center")
            axis.label.set_visible(False)
        return thick[0], thick[1]

    def put_labels(self, left: float, below: float, inches: Affine2DBase) -> None:
        """Put the labels that far from the panel, in points; ``inches`` are those of the figure."""
        for axis, where, (across, up) in (
            (self.axes.yaxis, (0.0, 0.5), (left + self.axes.yaxis.labelpad, 0.0)),
            (self.axes.xaxis, (0.5, 0.0), (0.0, below + self.axes.xaxis.labelpad)),
        ):
            away = ScaledTranslation(-across / DOTS_AN_INCH, -up / DOTS_AN_INCH, inches)
            axis.set_label_coords(*where, transform=self.axes.transAxes + away)
            axis.label.set_visible(True)

    def names(self) -> list[Annotation]:
        """Names of points in the panel."""
        texts = self.axes.texts
        return [text for text in texts if isinstance(text, Annotation) and text.anncoords == "offset points"]

    def margins(self, ruler: Ruler) -> tuple[FloatArray, FloatArray]:
        """Points that the axes' numbers reach beyond the panel, and that anything does: left, right, above, below."""
        axes = self.axes
        axes.apply_aspect()
        frame = axes.get_window_extent(ruler)
        numbers = [axis.get_tightbbox(ruler) for axis in (axes.xaxis, axes.yaxis)] if axes.axison else []
        of_numbers = _beyond(frame, numbers)
        of_all = np.maximum(of_numbers, _beyond(frame, [text.get_window_extent(ruler) for text in axes.texts]))
        if axes.get_title():
            # How long a title is does not matter to the neighbours.
            of_all[2] = max(of_all[2], axes.title.get_window_extent(ruler).y1 - frame.y1)
        return of_numbers, of_all


def _beyond(frame: BboxBase, boxes: Sequence[BboxBase | None]) -> FloatArray:
    """How far boxes reach beyond a frame: left, right, above, below; 0 where they do not."""
    found = np.array([box.extents for box in (frame, *boxes) if box is not None])
    low, high = frame.min - found[:, :2].min(axis=0), found[:, 2:].max(axis=0) - frame.max
    return np.array([low[0], high[0], high[1], low[1]])


def _as_margins(sides: FloatArray) -> FloatArray:
    """Margins (N, 4) of what is only to the left and below, (N, 2)."""
    nothing = np.zeros(len(sides))
    return np.stack([sides[:, 0], nothing, nothing, sides[:, 1]], axis=1)


def _distances(panels: Sequence[_Panel], numbers: FloatArray, labels: FloatArray) -> FloatArray:
    """How far from their panels labels stand, left and below, (N, 2): one under another, and side by side, in line."""
    away = np.zeros_like(labels)
    for side, (margin, cells) in enumerate(((0, [p.column for p in panels]), (3, [p.row for p in panels]))):
        for cell in set(cells):
            labelled = [place for place, of in enumerate(cells) if of == cell and labels[place, side]]
            if labelled:
                away[labelled, side] = numbers[labelled, margin].max()
    return away


def _shares(
    room: float, ratios: FloatArray, margins: Sequence[tuple[int, float, float]], gap: float
) -> list[tuple[float, float]]:
    """Share a length out among cells in a row: where each one's panel begins and how long it is.

    ``margins`` are (cell, before, after); a cell takes the largest of its panels.
    """
    before, after = np.zeros(len(ratios)), np.zeros(len(ratios))
    for cell, first, last in margins:
        before[cell], after[cell] = max(before[cell], first), max(after[cell], last)
    spare = room - before.sum() - after.sum() - gap * (len(ratios) - 1)
    lengths = np.maximum(spare, len(ratios)) * ratios / ratios.sum()
    taken = np.concatenate([[0.0], np.cumsum(before + lengths + after + gap)[:-1]])
    return list(zip(taken + before, lengths, strict=True))
