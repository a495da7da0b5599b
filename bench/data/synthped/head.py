"""Head, hair and hats."""

from __future__ import annotations

from bench.data.synthped.figure import Figure
from bench.data.synthped.palette import darker
from bench.data.synthped.textures import head_texture


def draw_head(figure: Figure) -> None:
    """The head with its face, and what is worn on it."""
    person, view, body = figure.person, figure.view, figure.body
    y, drop = body.lean + 0.018, body.drop
    if person.hair_style == "tail" and not figure.seen_from_behind:
        draw_tail(figure)
    full = 0.004 if person.hair_style in ("short", "bob", "long", "tail") else 0.0
    widths = (0.030, 0.040, 0.0445, 0.045, 0.044, 0.040, 0.033, 0.022)
    thicker = view.half_width(1.0, 1.22) / view.scale
    texture = head_texture(person, view.yaw, figure.sharpness)
    figure.limb(
        (0.0, y, 0.984 + full - drop),
        (0.0, y + 0.01, 0.882 - drop),
        tuple((width + full) * thicker for width in widths),
        texture,
        cap=0.55,
    )
    style = person.hair_style
    if style == "bun":
        figure.limb((0.0, y - 0.035, 0.995 - drop), (0.0, y - 0.04, 0.985 - drop), (0.026, 0.026), person.hair_colour)
    elif style == "tail" and figure.seen_from_behind:
        draw_tail(figure)
    elif style == "cap":
        colour = person.hat_colour
        figure.limb((0.0, y, 0.985 - drop), (0.0, y, 0.958 - drop), (0.041 * thicker, 0.05 * thicker), colour, cap=0.5)
        figure.limb((0.0, y + 0.04, 0.957 - drop), (0.0, y + 0.095, 0.95 - drop), (0.016, 0.012), darker(colour, 0.8))
    elif style == "hat":
        colour = person.hat_colour
        figure.limb((0.0, y, 0.99 - drop), (0.0, y, 0.955 - drop), (0.045, 0.053), colour, cap=0.4)
        figure.limb((-0.075, y, 0.953 - drop), (0.075, y, 0.953 - drop), (0.009, 0.011, 0.009), colour)


def draw_long_hair(figure: Figure) -> None:
    """Hair below the chin: behind the neck in a view from the front, over the back in one from behind."""
    person, body = figure.person, figure.body
    if person.hair_style not in ("long", "bob"):
        return
    y, drop = body.lean, body.drop
    ends = 0.79 if person.hair_style == "long" else 0.865
    figure.limb(
        (0.0, y - 0.008, 0.955 - drop),
        (0.0, y - 0.03, ends - drop),
        (0.045, 0.054, 0.052, 0.04),
        person.hair_colour,
        fold=0.05,
        cap=0.5,
    )


def draw_tail(figure: Figure) -> None:
    """A pony tail: before the head in a view from the front, which hides it, and after it in one from behind."""
    y, drop = figure.body.lean, figure.body.drop
    figure.limb(
        (0.0, y - 0.035, 0.955 - drop), (0.0, y - 0.07, 0.83 - drop), (0.018, 0.022, 0.012), figure.person.hair_colour
    )
