"""Names that would hide one another: those of points move to other corners, those of lines up or down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from matplotlib.text import Annotation
from matplotlib.transforms import BboxBase

from bench.report.figures.vectors import Ruler

Corner: TypeAlias = tuple[float, float, Literal["left", "center", "right"]]
"""Points to the right of what is named and above it, and which part of the name is there."""
CORNERS: tuple[Corner, ...] = (
    (-4, 4, "right"),
    (4, 4, "left"),
    (-4, -11, "right"),
    (4, -11, "left"),
    (-4, -21, "right"),
    (4, -21, "left"),
)


def keep_apart(names: Sequence[Annotation], frame: BboxBase, ruler: Ruler) -> None:
    """Move names, given in points from what they name, as far as none hides one before it, and none leaves the frame.

    A name that has no free corner stays where it was.
    """
    taken: list[BboxBase] = []
    for name in names:
        box = name.get_window_extent(ruler)
        first: Corner = (*name.xyann, name.get_horizontalalignment())
        if any(box.overlaps(other) for other in taken):
            for corner in (*CORNERS, first):
                _move(name, corner)
                moved = name.get_window_extent(ruler)
                inside = frame.contains(*moved.min) and frame.contains(*moved.max)
                if inside and not any(moved.overlaps(other) for other in taken):
                    box = moved
                    break
        taken.append(box)


def _move(name: Annotation, corner: Corner) -> None:
    name.xyann = corner[:2]
    name.set_horizontalalignment(corner[2])


def spread(heights: Sequence[float], room: float) -> list[float]:
    """Rising heights, moved as little as leaves ``room`` between them."""
    placed: list[list[float]] = []
    for height in heights:
        placed.append([height])
        # Names that would touch form a pile around their common middle; a pile may run into the one below it.
        while (
            len(placed) > 1
            and _middle(placed[-1]) - _middle(placed[-2]) < room * (len(placed[-1]) + len(placed[-2])) / 2
        ):
            above = placed.pop()
            placed[-1] += above
    return [_middle(pile) + room * (place - (len(pile) - 1) / 2) for pile in placed for place in range(len(pile))]


def _middle(pile: Sequence[float]) -> float:
    return float(np.mean(pile))
