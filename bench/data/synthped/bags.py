"""Bags: on the back, at the hip, in the hand."""

from __future__ import annotations

import numpy as np

from bench.data.synthped.figure import Figure
from bench.data.synthped.limb import limb
from bench.data.synthped.skeleton import Arm, Joint


def draw_backpack(figure: Figure) -> None:
    """A backpack with a pocket in its second colour."""
    person, body, view = figure.person, figure.body, figure.view
    if person.bag != "backpack":
        return
    size = 0.9 + 0.25 * person.bottom_length
    start = (0.0, body.lean - 0.105, 0.80 - body.drop)
    end = (0.0, body.lean * 0.6 - 0.115, 0.80 - 0.23 * size - body.drop)
    half = view.half_width(0.078 * size, 0.055 * size) / view.scale
    main = np.asarray(person.bag_colour, dtype=np.float32)[:, None, None]
    pocket = np.asarray(person.bag_trim, dtype=np.float32)[:, None, None]

    def texture(along: np.ndarray, across: np.ndarray) -> np.ndarray:
        inside = (along > 0.55) & (along < 0.92) & (np.abs(across) < 0.72)
        seam = (along > 0.5) & (along <= 0.55)
        return np.where(inside, pocket, main) * np.where(seam, np.float32(0.7), np.float32(1.0))

    figure.limb(start, end, (half * 0.72, half * 0.95, half, half), texture, cap=0.35)


def draw_crossbody(figure: Figure) -> None:
    """The bag of a strap across the chest, at the hip, when that hip is seen."""
    person, view = figure.person, figure.view
    if person.bag != "crossbody":
        return
    x = -person.bag_side * 0.115 * person.build
    if view.depth(x, 0.0) < -0.06:
        return
    half = view.half_width(0.022, 0.055) / view.scale + 0.012
    figure.limb(
        (x, 0.0, 0.545 - figure.body.drop),
        (x, 0.0, 0.455 - figure.body.drop),
        (half, half * 1.05),
        person.bag_colour,
        cap=0.25,
    )


def draw_carried(figure: Figure, arm: Arm, hand: Joint) -> None:
    """A handbag or a shopping bag, hanging from the hand that carries it."""
    person, view = figure.person, figure.view
    if person.bag not in ("handbag", "tote") or arm.side != person.bag_side:
        return
    x, y = figure.at(hand)
    scale = view.scale
    tall, wide, handle = (0.085, 0.05, 0.035) if person.bag == "handbag" else (0.15, 0.062, 0.05)
    half = wide * (0.55 + 0.45 * abs(np.sin(view.yaw)))
    limb(figure.image, (x, y), (x, y + handle * scale), (0.006 * scale, 0.012 * scale), person.bag_trim, figure.light)
    limb(
        figure.image,
        (x, y + handle * scale),
        (x, y + (handle + tall) * scale),
        (half * 0.8 * scale, half * scale),
        person.bag_colour,
        figure.light,
        cap=0.2,
    )
