"""Neck, chest and arms, with sleeves and the bags that hands carry."""

from __future__ import annotations

import numpy as np

from bench.data.synthped.bags import draw_carried
from bench.data.synthped.figure import Figure, between
from bench.data.synthped.skeleton import Arm
from bench.data.synthped.textures import sleeve_texture, top_texture

LONG_SLEEVES = ("long", "shirt", "jacket", "hoodie", "coat")

_OUTLINE_AT = np.array([0.86, 0.845, 0.825, 0.805, 0.76, 0.70, 0.62, 0.55, 0.50, 0.44])
"""Heights at which the outline of the trunk is given, from the neck to the hem."""
_BREADTH = np.array([0.036, 0.052, 0.080, 0.097, 0.100, 0.094, 0.084, 0.091, 0.096, 0.096])
_THICKNESS = np.array([0.036, 0.044, 0.055, 0.062, 0.070, 0.070, 0.063, 0.067, 0.070, 0.070])
_STEPS = 14


def arm_depth(figure: Figure, arm: Arm) -> float:
    """How far in front of the chest an arm is, towards the camera."""
    view = figure.view
    elbow, wrist = view.depth(*arm.elbow[:2]), view.depth(*arm.wrist[:2])
    # The shoulder decides in a view from the side, the hand in one from the front.
    return 0.5 * view.depth(*arm.shoulder[:2]) + 0.3 * elbow + 0.35 * wrist


def draw_arm(figure: Figure, arm: Arm) -> None:
    """One arm: hand, lower arm, upper arm, sleeve."""
    person = figure.person
    top = person.outfit.top
    wide = person.build * (1 - 0.5 * person.hips)
    shoulder, middle, elbow, wrist = 0.026 * wide, 0.029 * wide, 0.0235 * wide, 0.0165 * wide
    hand = between(arm.elbow, arm.wrist, 1.2)
    draw_carried(figure, arm, hand)
    figure.limb(arm.wrist, hand, (0.0165, 0.0175), person.skin)
    if top in LONG_SLEEVES:
        cloth = sleeve_texture(person, figure.sharpness)
        loose = 1.28 if top in ("jacket", "hoodie", "coat") else 1.15
        cuff = between(arm.elbow, arm.wrist, 0.98)
        figure.limb(arm.elbow, cuff, (elbow * loose, wrist * loose * 1.15), cloth, fold=0.03, cap=0.6)
        figure.limb(
            arm.shoulder, arm.elbow, (shoulder, middle * (0.35 + 0.65 * loose), elbow * loose), cloth, fold=0.03
        )
        return
    figure.limb(arm.elbow, arm.wrist, (elbow, elbow * 0.98, wrist), person.skin)
    bare = 0.0 if top == "tank" else 0.3
    figure.limb(
        between(arm.shoulder, arm.elbow, bare), arm.elbow, (middle * 0.92, elbow), person.skin, fade=(0.85, 1.0)
    )
    if top != "tank":
        hem = between(arm.shoulder, arm.elbow, 0.68)
        cloth = sleeve_texture(person, figure.sharpness)
        figure.limb(arm.shoulder, hem, (shoulder * 1.02, middle * 1.12, middle * 1.14), cloth, cap=0.5)


def draw_neck(figure: Figure) -> None:
    """Neck and, for some, a scarf or a hood around it."""
    person, body = figure.person, figure.body
    base, top = (0.0, body.lean, 0.825 - body.drop), (0.0, body.lean + 0.012, 0.89 - body.drop)
    figure.limb(top, base, (0.03, 0.031, 0.036), person.skin, fade=(0.72, 0.95))


def draw_torso(figure: Figure) -> None:
    """The trunk in its garment, from the slope of the shoulders to the hem."""
    person, body, view = figure.person, figure.body, figure.view
    hem = {"jacket": 0.475, "hoodie": 0.48, "coat": 0.46, "dress": 0.5}.get(person.outfit.top, 0.49) + person.hem * 0.6
    if wears_tucked(figure):
        hem = 0.53
    start = (0.0, body.lean, 0.856 - body.drop)
    end = (0.0, 0.0, hem + person.legs - body.drop)
    heights = np.linspace(0.856, hem, _STEPS)
    loose = {"jacket": 1.06, "hoodie": 1.09, "coat": 1.1, "tank": 0.97, "dress": 0.97}.get(person.outfit.top, 1.02)
    # Hips widen the lower trunk and narrow the shoulders; the waist of the heavy is hardly drawn in.
    lower = np.clip((0.70 - heights) / 0.15, 0.0, 1.0)
    heavy = 1 + 0.35 * max(person.build - 1.0, 0.0) * np.exp(-(((heights - 0.62) / 0.07) ** 2))
    scale = person.build * loose * heavy * (1 + person.hips * (1.6 * lower - 0.8))
    breadth = np.interp(-heights, -_OUTLINE_AT, _BREADTH) * scale
    thickness = np.interp(-heights, -_OUTLINE_AT, _THICKNESS) * scale
    widths = tuple(view.half_width(b, d) / view.scale for b, d in zip(breadth, thickness, strict=True))
    texture = top_texture(person, view.yaw, figure.sharpness)
    figure.limb(start, end, widths, texture, cap=0.22, fold=0.028)
    if person.outfit.top == "hoodie":
        hood = (0.0, body.lean - 0.045, 0.855 - body.drop), (0.0, body.lean - 0.05, 0.82 - body.drop)
        if figure.seen_from_behind:
            figure.limb(hood[0], hood[1], (0.046, 0.058), person.outfit.top_colour, fold=0.05, fade=(0.85, 1.0))
    if person.scarf:
        figure.limb(
            (-0.03, body.lean, 0.862 - body.drop),
            (0.03, body.lean, 0.862 - body.drop),
            (0.026, 0.026),
            person.inner_colour,
            fold=0.06,
        )


def wears_tucked(figure: Figure) -> bool:
    """Whether the top ends at the waist of a skirt."""
    return figure.person.outfit.bottom == "skirt" and figure.person.outfit.top in ("tee", "tank", "shirt", "long")
