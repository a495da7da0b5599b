"""Marks with their values as titles: a reader who points at one in an SVG sees them, in the page and in the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from bench.inert import clean
from bench.report.figures.svg import NAMED


def name_points(axes: Axes, x: ArrayLike, y: ArrayLike, texts: Sequence[str]) -> None:
    """Lay unseen marks over points, each with its text; points that are not finite have none."""
    across, up = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    seen = np.isfinite(across) & np.isfinite(up)
    if seen.any():
        marks = axes.scatter(across[seen], up[seen], s=30, alpha=0, linewidths=0, color="black", zorder=7)
        marks.set_gid(NAMED)
        lines = [clean(text).replace("\n", " ") for text, shown in zip(texts, seen, strict=True) if shown]
        marks.set_label("\n".join(lines))


def draw_named(axes: Axes, x: ArrayLike, y: ArrayLike, texts: Sequence[str], **looks: Any) -> None:
    """Draw a line, or marks alone, by :meth:`~matplotlib.axes.Axes.plot`, and :func:`name_points` of it."""
    axes.plot(x, y, **looks)
    name_points(axes, x, y, texts)


def marks_of(figure: Figure) -> dict[str, PathCollection]:
    """Find the named marks of a figure, each group by an id of its own."""
    found = [
        marks
        for axes in figure.axes
        for marks in axes.collections
        if isinstance(marks, PathCollection) and str(marks.get_gid()).startswith(NAMED)
    ]
    named = {f"{NAMED}-{index}": marks for index, marks in enumerate(found)}
    for name, marks in named.items():
        marks.set_gid(name)
    return named


def titles_of(figure: Figure) -> dict[str, list[str]]:
    """Texts of the named marks, by the ids of their groups."""
    return {name: str(marks.get_label()).split("\n") for name, marks in marks_of(figure).items()}


@contextmanager
def marks_hidden(figure: Figure) -> Iterator[None]:
    """Leave the named marks out of formats that have no titles."""
    marks = marks_of(figure).values()
    for one in marks:
        one.set_visible(False)
    try:
        yield
    finally:
        for one in marks:
            one.set_visible(True)
