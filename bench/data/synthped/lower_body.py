"""Legs, shoes, trousers, shorts, skirts and the lower part of dresses."""

from __future__ import annotations

import math

from bench.data.synthped.figure import Figure, between
from bench.data.synthped.palette import darker
from bench.data.synthped.skeleton import Leg
from bench.data.synthped.textures import leg_texture


def wears_skirt(figure: Figure) -> bool:
    """Whether a skirt or a dress covers the hips."""
    return figure.person.outfit.top == "dress" or figure.person.outfit.bottom == "skirt"


def draw_leg(figure: Figure, leg: Leg) -> None:
    """One leg with its shoe and what covers it."""
    person = figure.person
    wide = person.build * (1 + 0.5 * person.hips)
    x, y, z = leg.ankle
    # The foot tips forward as the heel lifts.
    heel = (x, y - 0.022, z - 0.018 + 0.02 * leg.lift)
    toe = (x + 0.008 * leg.side, y + 0.088, z - 0.026 - 0.05 * leg.lift)
    figure.limb(heel, toe, (0.024, 0.022, 0.016), person.shoe_colour, cap=0.9)
    if figure.view.scale > 70:
        sole = (heel[0], heel[1], heel[2] - 0.018), (toe[0], toe[1], toe[2] - 0.014)
        figure.limb(sole[0], sole[1], (0.008, 0.007), darker(person.shoe_colour, 0.5), cap=0.5)
    thigh, knee, calf, ankle = 0.054 * wide, 0.037 * wide, 0.037 * wide, 0.022 * wide
    bottom = person.outfit.bottom
    if bottom in ("trousers", "jeans") and not wears_skirt(figure):
        fit = person.bottom_fit
        cloth, shin = (leg_texture(person, figure.view.yaw, worn) for worn in ((0.2, 1.0), (1.0, 0.1)))
        cuff = between(leg.knee, leg.ankle, 0.97)
        figure.limb(
            leg.knee,
            cuff,
            (knee * (0.9 + 0.2 * fit), calf * (0.75 + 0.3 * fit), ankle * 1.35 * fit),
            shin,
            fold=0.035,
            cap=0.5,
        )
        figure.limb(
            leg.hip,
            leg.knee,
            (thigh * 1.05, thigh * 0.98, knee * (0.9 + 0.22 * fit)),
            cloth,
            fold=0.03,
            fade=(0.86, 1.0),
        )
        if person.side_stripe:
            out = 0.04 * person.build * leg.side
            joints = [
                (joint[0] + out * share, joint[1], joint[2])
                for joint, share in ((leg.hip, 1.0), (leg.knee, 0.8), (leg.ankle, 0.6))
            ]
            figure.limb(joints[0], joints[1], (0.008, 0.008), person.second_colour)
            figure.limb(joints[1], joints[2], (0.008, 0.008), person.second_colour)
        if person.boots:
            figure.limb(between(leg.knee, leg.ankle, 0.45), leg.ankle, (calf * 1.1, ankle * 1.4), person.shoe_colour)
        return
    figure.limb(leg.knee, leg.ankle, (knee * 0.95, calf * 1.02, ankle), person.skin)
    figure.limb(leg.hip, leg.knee, (thigh, knee), person.skin, fade=(0.85, 1.0))
    if person.boots:
        figure.limb(between(leg.knee, leg.ankle, 0.5), leg.ankle, (calf * 1.1, ankle * 1.4), person.shoe_colour)
    elif person.socks:
        figure.limb(
            between(leg.knee, leg.ankle, 0.72), leg.ankle, (ankle * 1.15, ankle * 1.1), (0.84, 0.84, 0.82), cap=0.3
        )
    if bottom not in ("skirt",) and not wears_skirt(figure):
        fit = person.bottom_fit
        length = 0.62 + 0.5 * person.bottom_length
        cloth = person.outfit.bottom_colour
        if length > 1.0:
            figure.limb(
                leg.knee,
                between(leg.knee, leg.ankle, length - 1.0),
                (knee * 1.15 * fit, knee * 1.15 * fit),
                cloth,
                cap=0.4,
            )
        hem = between(leg.hip, leg.knee, min(length, 1.0))
        figure.limb(leg.hip, hem, (thigh * 1.06, thigh * 0.95 * fit), cloth, fold=0.03, cap=0.4, fade=(0.88, 1.0))


def draw_skirt(figure: Figure) -> None:
    """A skirt, or the lower part of a dress or a coat."""
    person, view = figure.person, figure.view
    outfit = person.outfit
    coat = outfit.top == "coat"
    if not (wears_skirt(figure) or coat):
        return
    hips = person.build * (1 + person.hips)
    waist = 0.53 + person.legs - figure.body.drop
    length = 0.15 + 0.17 * person.bottom_length if outfit.bottom == "skirt" or outfit.top == "dress" else 0.0
    sway = 0.018 * math.sin(figure.phase)
    flare = 0.92 + 0.16 * person.bottom_fit
    if length:
        colour = outfit.top_colour if outfit.top == "dress" else outfit.bottom_colour
        start, end = (0.0, 0.0, waist), (0.0, sway, waist - 0.04 - length)
        widths = (
            view.half_width(0.084 * hips, 0.066 * hips),
            view.half_width(0.1 * hips, 0.083 * hips),
            view.half_width(0.106 * hips * flare, 0.095 * hips * flare),
        )
        figure.limb(start, end, tuple(width / view.scale for width in widths), colour, cap=0.0, fold=0.05)
    if coat:
        start, end = (0.0, figure.body.lean * 0.5, waist), (0.0, sway, 0.36 - 0.08 * person.bottom_length)
        skirts = (view.half_width(0.09 * hips, 0.072 * hips), view.half_width(0.112 * hips, 0.095 * hips))
        figure.limb(start, end, tuple(width / view.scale for width in skirts), outfit.top_colour, cap=0.0, fold=0.045)
