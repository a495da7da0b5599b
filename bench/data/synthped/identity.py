"""The people of a set: build, hair, clothes and bag of each, and families of people dressed alike."""

from __future__ import annotations

from dataclasses import dataclass

from bench.data.synthped.chance import Purpose, Stream, choose, sign, stream
from bench.data.synthped.palette import BAGS, BOTTOMS, HAIR, SHOES, SKIN, TOPS, Colour, shifted, tint

TWIN_SHARE = 0.5
"""Share of people in families with one base outfit, who differ in details alone."""
FAMILY_SIZE = 4
"""People in such a family."""

TOP_KINDS = {
    "tee": 0.32,
    "long": 0.16,
    "shirt": 0.12,
    "jacket": 0.14,
    "hoodie": 0.10,
    "coat": 0.05,
    "tank": 0.04,
    "dress": 0.07,
}
PATTERNS = {
    "plain": 0.36,
    "stripes": 0.13,
    "pinstripes": 0.05,
    "check": 0.09,
    "print": 0.20,
    "block": 0.09,
    "yoke": 0.05,
    "fade": 0.03,
}
BOTTOM_KINDS = {"trousers": 0.42, "jeans": 0.24, "shorts": 0.19, "skirt": 0.15}
HAIR_STYLES = {
    "short": 0.36,
    "crop": 0.08,
    "bob": 0.10,
    "long": 0.17,
    "tail": 0.10,
    "bun": 0.05,
    "cap": 0.09,
    "hat": 0.03,
    "bald": 0.02,
}
BAG_KINDS = {"none": 0.44, "backpack": 0.25, "crossbody": 0.13, "handbag": 0.10, "tote": 0.08}


@dataclass(frozen=True)
class Outfit:
    """What the members of a family share: kinds, main colours and the family of patterns."""

    top: str
    pattern: str
    top_colour: Colour
    bottom: str
    bottom_colour: Colour


@dataclass(frozen=True)
class Identity:
    """A person. Lengths are shares of the body height; ``build`` scales widths, ``hips`` widens hips over shoulders."""

    outfit: Outfit
    second_colour: Colour
    inner_colour: Colour
    pattern_count: int
    pattern_position: float
    print_shape: int
    print_size: float
    back_print: int
    sleeve_contrast: bool
    bottom_fit: float
    bottom_length: float
    side_stripe: bool
    belt: bool
    hem: float
    build: float
    hips: float
    legs: float
    stride: float
    skin: Colour
    hair_style: str
    hair_colour: Colour
    hat_colour: Colour
    scarf: bool
    glasses: bool
    beard: bool
    shoe_colour: Colour
    socks: bool
    boots: bool
    bag: str
    bag_colour: Colour
    bag_trim: Colour
    bag_side: int


def draw_outfit(r: Stream) -> Outfit:
    """A base outfit, at random by the shares above."""
    return Outfit(
        top=choose(r, TOP_KINDS),
        pattern=choose(r, PATTERNS),
        top_colour=tint(r, TOPS),
        bottom=choose(r, BOTTOM_KINDS),
        bottom_colour=tint(r, BOTTOMS),
    )


def draw_identity(r: Stream, base: Outfit) -> Identity:
    """A person in a base outfit: details that differ within a family, and a slight change of colours."""
    outfit = Outfit(
        base.top,
        base.pattern,
        shifted(r, base.top_colour, 0.02, 0.012),
        base.bottom,
        shifted(r, base.bottom_colour, 0.02, 0.012),
    )
    womanly = outfit.top == "dress" or outfit.bottom == "skirt" or r.random() < 0.38
    second = tint(r, TOPS)
    if sum(abs(a - b) for a, b in zip(second, outfit.top_colour, strict=True)) < 0.45:
        # A pattern in the garment's own colour would be invisible: use a light or dark colour instead.
        bright = sum(outfit.top_colour) > 1.4
        second = shifted(r, (0.13, 0.14, 0.20) if bright else (0.84, 0.83, 0.80), 0.04, 0.02)
    style = choose(r, HAIR_STYLES)
    if womanly and style in {"short", "crop", "bald"} and r.random() < 0.75:
        style = choose(r, {"long": 0.4, "bob": 0.25, "tail": 0.25, "bun": 0.1})
    if not womanly and style in {"long", "tail", "bob", "bun"} and r.random() < 0.7:
        style = choose(r, {"short": 0.8, "crop": 0.2})
    return Identity(
        outfit=outfit,
        second_colour=second,
        inner_colour=tint(r, TOPS),
        pattern_count=int(r.integers(3, 9)),
        pattern_position=float(r.uniform(0.24, 0.44)),
        print_shape=int(r.integers(6)),
        print_size=float(r.uniform(0.6, 1.15)),
        back_print=int(r.integers(4)),
        sleeve_contrast=bool(r.random() < 0.14),
        bottom_fit=float(r.uniform(0.9, 1.3)),
        bottom_length=float(r.uniform(0.0, 1.0)),
        side_stripe=bool(r.random() < 0.12),
        belt=bool(r.random() < 0.25),
        hem=float(r.uniform(-0.02, 0.03)),
        build=float(r.uniform(0.88, 1.18) * (0.95 if womanly else 1.03)),
        hips=float(r.normal(0.045 if womanly else -0.015, 0.02)),
        legs=float(r.uniform(-0.02, 0.02)),
        # Shorter steps in a skirt: a leg that swings far would show outside it.
        stride=float(r.uniform(0.28, 0.48) * (0.68 if outfit.bottom == "skirt" or outfit.top == "dress" else 1.0)),
        skin=tint(r, SKIN, 0.02, 0.01),
        hair_style=style,
        hair_colour=tint(r, HAIR, 0.02, 0.01),
        hat_colour=tint(r, TOPS),
        scarf=bool(r.random() < 0.07),
        glasses=bool(r.random() < 0.25),
        beard=bool(not womanly and r.random() < 0.2),
        shoe_colour=tint(r, SHOES, 0.03, 0.015),
        socks=bool(r.random() < 0.35),
        boots=bool(r.random() < (0.2 if womanly else 0.05)),
        bag=choose(r, BAG_KINDS),
        bag_colour=tint(r, BAGS, 0.04, 0.02),
        bag_trim=tint(r, BAGS, 0.04, 0.02),
        bag_side=sign(r),
    )


def cast(seed: int, group: int, count: int, twin_share: float = TWIN_SHARE) -> tuple[Identity, ...]:
    """``count`` people of one group (training, test, strangers); no person is in two groups."""
    r = stream(seed, Purpose.CAST, group)
    in_families = round(count * twin_share)
    people = []
    base = draw_outfit(r)
    for index in range(count):
        if index >= in_families or index % FAMILY_SIZE == 0:
            base = draw_outfit(r)
        people.append(draw_identity(r, base))
    return tuple(people[index] for index in r.permutation(count))
