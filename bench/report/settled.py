"""Axes whose ticks are settled: plain lines and texts in place of what matplotlib works out anew for every format.

A figure is placed once and written in three formats. Finding ticks and measuring their labels is half the work of each,
and comes to the same each time.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis, Tick, XAxis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Transform

UNDER = 0.5
"""Order in which matplotlib draws the grid: below everything else."""
HAIR = 1e-9
"""Share of an axis by which rounding may put a tick beyond its end."""


def settle(figure: Figure) -> None:
    """Replace ticks, grids and labels of placed axes by lines and texts that look the same; once is enough.

    What the axes say about themselves, such as limits, scales and the texts of labels, stays.
    """
    renderer = FigureCanvasAgg(figure).get_renderer()
    shown = [axes for axes in figure.axes if axes.get_visible() and axes.axison]
    every = [(axes, axis) for axes in shown for axis in (axes.xaxis, axes.yaxis) if axis.get_visible()]
    for _, axis in every:
        # Measuring puts an axis's label beside its ticks.
        axis.get_tightbbox(renderer)
    for axes, axis in every:
        ticks = _ticks(axis)
        if ticks:
            axes.add_artist(_grid(ticks, isinstance(axis, XAxis))).set_clip_path(axes.patch)
            _add(axes, _marks(ticks, isinstance(axis, XAxis)))
        for tick in ticks:
            _add(axes, _copy(tick.label1, tick.label1.get_position(), tick.label1.get_transform()))
        place = axis.label.get_transform().transform(axis.label.get_position())
        x, y = figure.transFigure.inverted().transform(place)
        figure.add_artist(_copy(axis.label, (x, y), figure.transFigure))
        axis.set_visible(False)


def _ticks(axis: Axis) -> list[Tick]:
    """Ticks within the axis's limits; those beyond are not drawn."""
    low, high = sorted(axis.get_view_interval())
    hair = HAIR * (high - low)
    return [tick for tick in axis.get_major_ticks() if low - hair <= tick.get_loc() <= high + hair]


def _grid(ticks: Sequence[Tick], along_x: bool) -> LineCollection:
    line = ticks[0].gridline
    return LineCollection(
        [[(at, 0), (at, 1)] if along_x else [(0, at), (1, at)] for at in (tick.get_loc() for tick in ticks)],
        transform=line.get_transform(),
        colors=line.get_color(),
        linewidths=line.get_linewidth(),
        linestyles=line.get_linestyle(),
        zorder=UNDER,
        visible=line.get_visible(),
    )


def _marks(ticks: Sequence[Tick], along_x: bool) -> Line2D:
    places, zeros = [tick.get_loc() for tick in ticks], [0.0] * len(ticks)
    marks = Line2D(places if along_x else zeros, zeros if along_x else places)
    marks.update_from(ticks[0].tick1line)
    marks.set_transform(ticks[0].tick1line.get_transform())
    return marks


def _copy(text: Text, place: tuple[float, float], transform: Transform) -> Text:
    copy = Text(place[0], place[1], text.get_text())
    copy.update_from(text)
    copy.set_rotation_mode(text.get_rotation_mode())
    copy.set_transform(transform)
    return copy


def _add(axes: Axes, artist: Line2D | Text) -> None:
    """Put onto axes what stands outside of their frame."""
    axes.add_artist(artist)
    artist.set_clip_on(False)
