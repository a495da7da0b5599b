"""Colours of clothes, skin, hair and bags: linear-looking RGB in 0 to 1, with how common each is in the street."""

from __future__ import annotations

import numpy as np

from bench.data.synthped.chance import Stream

Colour = tuple[float, float, float]
"""Red, green, blue in 0 to 1."""

Palette = tuple[tuple[Colour, float], ...]
"""Colours with their weights."""

TOPS: Palette = (
    ((0.09, 0.09, 0.10), 4.5),
    ((0.86, 0.86, 0.84), 4.0),
    ((0.47, 0.48, 0.49), 2.6),
    ((0.69, 0.69, 0.68), 1.4),
    ((0.13, 0.17, 0.32), 2.6),
    ((0.22, 0.36, 0.60), 2.2),
    ((0.50, 0.66, 0.80), 1.5),
    ((0.64, 0.14, 0.15), 2.2),
    ((0.40, 0.13, 0.17), 1.2),
    ((0.18, 0.40, 0.24), 1.3),
    ((0.38, 0.42, 0.25), 1.2),
    ((0.84, 0.72, 0.28), 1.3),
    ((0.82, 0.52, 0.58), 1.6),
    ((0.44, 0.27, 0.48), 1.1),
    ((0.42, 0.29, 0.20), 1.3),
    ((0.74, 0.66, 0.53), 1.6),
    ((0.26, 0.52, 0.54), 1.1),
    ((0.80, 0.43, 0.20), 1.1),
)
BOTTOMS: Palette = (
    ((0.10, 0.10, 0.12), 4.5),
    ((0.16, 0.20, 0.31), 3.4),
    ((0.27, 0.35, 0.48), 2.8),
    ((0.48, 0.56, 0.66), 1.3),
    ((0.37, 0.37, 0.39), 2.0),
    ((0.62, 0.56, 0.45), 1.6),
    ((0.80, 0.79, 0.76), 1.0),
    ((0.33, 0.25, 0.19), 1.0),
    ((0.31, 0.34, 0.25), 0.9),
    ((0.48, 0.17, 0.20), 0.4),
)
SHOES: Palette = (
    ((0.09, 0.09, 0.10), 3.0),
    ((0.86, 0.86, 0.86), 2.6),
    ((0.48, 0.48, 0.49), 1.2),
    ((0.42, 0.28, 0.18), 1.4),
    ((0.62, 0.16, 0.16), 0.7),
    ((0.18, 0.27, 0.52), 0.7),
    ((0.78, 0.70, 0.35), 0.3),
    ((0.80, 0.50, 0.58), 0.4),
)
BAGS: Palette = (
    ((0.09, 0.09, 0.10), 3.0),
    ((0.44, 0.29, 0.18), 1.6),
    ((0.56, 0.15, 0.16), 1.0),
    ((0.15, 0.22, 0.44), 1.2),
    ((0.42, 0.43, 0.42), 1.2),
    ((0.75, 0.69, 0.58), 0.8),
    ((0.20, 0.38, 0.26), 0.7),
    ((0.76, 0.46, 0.54), 0.5),
    ((0.80, 0.60, 0.20), 0.4),
)
HAIR: Palette = (
    ((0.07, 0.06, 0.06), 4.0),
    ((0.15, 0.10, 0.08), 3.0),
    ((0.30, 0.20, 0.12), 2.0),
    ((0.58, 0.45, 0.26), 1.2),
    ((0.55, 0.54, 0.53), 0.9),
    ((0.38, 0.16, 0.09), 0.5),
)
SKIN: Palette = (
    ((0.86, 0.69, 0.59), 3.2),
    ((0.78, 0.60, 0.48), 3.0),
    ((0.66, 0.48, 0.36), 1.8),
    ((0.49, 0.34, 0.25), 1.1),
    ((0.33, 0.22, 0.17), 0.8),
)


def tint(r: Stream, palette: Palette, brightness: float = 0.05, hue: float = 0.025) -> Colour:
    """A colour of the palette, in proportion to its weight, moved a little so that no two garments are the same."""
    cumulated = np.cumsum([weight for _, weight in palette])
    index = min(int(np.searchsorted(cumulated, r.random() * cumulated[-1])), len(palette) - 1)
    return shifted(r, palette[index][0], brightness, hue)


def shifted(r: Stream, colour: Colour, brightness: float, hue: float) -> Colour:
    """The colour, moved by a normal deviate of the given size in all channels and in each one."""
    # Dark cloth moves less: the same step would turn black into a colour.
    share = 0.35 + 0.65 * max(colour)
    whole = r.normal(0.0, brightness * share)
    red, green, blue = (float(np.clip(part + whole + r.normal(0.0, hue * share), 0.04, 0.94)) for part in colour)
    return red, green, blue


def darker(colour: Colour, share: float) -> Colour:
    """The colour at a share of its brightness."""
    red, green, blue = colour
    return red * share, green * share, blue * share
