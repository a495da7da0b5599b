"""The one primitive: a limb, which is a generalised cylinder seen from the side, shaded, textured and anti-aliased.

A limb runs from one point of the image to another with a half-width that changes along the way. Coverage comes from the
signed distance to its outline, so no supersampling is needed; the normal is that of a round body, so that light falls
off to the sides and a texture knows the azimuth around the body that each pixel shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.data.synthped.palette import Colour

Image = np.ndarray
"""``(3, H, W)`` float32, red, green and blue in 0 to 1. Planes rather than pixels: numpy works along rows."""
Point = tuple[float, float]
"""Column and row in pixels, from the upper left corner."""
Texture = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""``(along, across) -> (3, h, w)``: colour at a share of the way along, and across, −1 (left) to 1 (right)."""

_CENTRES = np.arange(2048, dtype=np.float32) + 0.5
"""Centres of the pixels of a row or a column."""
_ZERO, _ONE, _MINUS_ONE = np.array([[0], [1], [-1]], dtype=np.float32)  # numpy takes arrays faster than numbers
_STEPS = {count: np.linspace(0, 1, count) for count in range(4, 17)}
_LEAST = np.array([[0.3]], dtype=np.float32)
_LEAST_FOLDED = 4.0
"""Extent in pixels below which the creases of a limb are invisible."""


@dataclass(frozen=True)
class Light:
    """``side``: how much brighter the right flank is than the left; ``ambient``: brightness of a flank facing away."""

    side: float = 0.1
    ambient: float = 0.7


def limb(
    image: Image,
    start: Point,
    end: Point,
    widths: Sequence[float],
    paint: Colour | Texture,
    light: Light,
    *,
    cap: float = 1.0,
    fold: float = 0.0,
    fade: tuple[float, float] = (1.0, 1.0),
) -> None:
    """Draw a limb over ``image`` ``(3, H, W)``, in place.

    ``widths``: half-widths in pixels at even steps from start to end. ``cap``: length of the rounded ends as a share of
    the half-width; 0 cuts them straight. ``fold``: strength of creases. ``fade``: brightness at the start and the end.
    """
    height, width = image.shape[1:]
    (x0, y0), (x1, y1) = start, end
    margin = max(widths) + 1.5
    left, right = max(int(min(x0, x1) - margin), 0), min(int(max(x0, x1) + margin) + 2, width)
    top, bottom = max(int(min(y0, y1) - margin), 0), min(int(max(y0, y1) + margin) + 2, height)
    if left >= right or top >= bottom:
        return
    length = math.hypot(x1 - x0, y1 - y0) + 1e-6
    dx, dy = (x1 - x0) / length, (y1 - y0) / length
    columns, rows = _CENTRES[left:right] - x0, (_CENTRES[top:bottom] - y0)[:, None]
    position = columns * dx + rows * dy
    offset = columns * dy - rows * dx
    along = position * (1 / length)
    np.maximum(along, _ZERO, out=along)
    np.minimum(along, _ONE, out=along)
    radius = _radius(along, widths)
    if cap:
        position -= along * length
        if cap != 1.0:
            position *= 1 / cap
        position *= position
        position += offset * offset
        coverage = radius + 0.5 - np.sqrt(position)
    else:
        coverage = np.minimum(radius - np.abs(offset), length / 2 - np.abs(position - length / 2))
        coverage += 0.5
    np.maximum(coverage, _ZERO, out=coverage)
    np.minimum(coverage, _ONE, out=coverage)
    offset /= radius
    np.maximum(offset, _MINUS_ONE, out=offset)
    across = np.minimum(offset, _ONE, out=offset)
    shade = across * (light.ambient - 1)
    shade += light.side
    shade *= across
    shade += 1
    if fade != (1.0, 1.0):
        shade *= along * (fade[1] - fade[0]) + fade[0]
    if fold and margin > _LEAST_FOLDED:
        crease = np.sin(along * 8.0 + across * 2.3 + x0 / length)
        crease *= np.sin(along * 21.0 - across * 4.0 + y0 / length)
        crease *= fold
        shade += crease
    part = image[:, top:bottom, left:right]
    if callable(paint):
        colour = paint(along, across)
        colour *= shade
    else:
        colour = np.asarray(paint, dtype=np.float32)[:, None, None] * shade
    colour -= part
    colour *= coverage
    part += colour


def _radius(along: np.ndarray, widths: Sequence[float]) -> np.ndarray:
    """``(h, w)``: half-width at each share of the way along: a line, a parabola, or straight pieces between many."""
    if len(widths) == 2:
        radius = along * (widths[1] - widths[0])
        radius += widths[0]
    elif len(widths) == 3:
        first, middle, last = widths
        radius = along * (2 * (first + last) - 4 * middle)
        radius += 4 * middle - 3 * first - last
        radius *= along
        radius += first
    else:
        radius = np.interp(along, _STEPS[len(widths)], widths).astype(np.float32)
    # A limb thinner than this would vanish between the centres of the pixels.
    return np.maximum(radius, _LEAST, out=radius)


def darken(image: Image, centre: Point, radii: Point, strength: float, lean: float = 0.0) -> None:
    """Lay a soft elliptic shadow on ``image`` ``(3, H, W)``, in place.

    ``lean`` shears it: columns by which it moves for each row above its centre.
    """
    height, width = image.shape[1:]
    (x, y), (rx, ry) = centre, (max(radii[0], 0.5), max(radii[1], 0.5))
    top, bottom = max(int(y - ry), 0), min(int(y + ry) + 1, height)
    if top >= bottom:
        return
    rows = (_CENTRES[top:bottom] - y)[:, None]
    columns = _CENTRES[:width] - x + rows * lean
    inside = 1 - (columns / rx) ** 2 - (rows / ry) ** 2
    image[:, top:bottom] *= 1 - strength * np.clip(inside * 1.6, 0, 1)
