"""Cloth: the colour of a garment at each point of the body; a print on the chest is not visible from behind."""

from __future__ import annotations

import math

import numpy as np

from bench.data.synthped.identity import Identity
from bench.data.synthped.limb import Texture
from bench.data.synthped.palette import Colour, darker

_TURN = 2 * math.pi


def azimuth(across: np.ndarray, yaw: float) -> np.ndarray:
    """``(h, w)``: angle around the body in −π to π, 0 at the front, of what a pixel ``across`` a limb shows."""
    angle = np.arcsin(across) - yaw
    return angle - _TURN * np.floor((angle + math.pi) / _TURN)


def _blend(colour: np.ndarray, other: Colour, inside: np.ndarray, sharpness: float) -> None:
    """Lay ``other`` over ``colour`` where ``inside`` is positive, with a soft edge."""
    weight = inside * sharpness
    weight += 0.5
    np.maximum(weight, 0, out=weight)
    np.minimum(weight, 1, out=weight)
    if weight.any():
        colour += weight * (np.asarray(other, dtype=np.float32)[:, None, None] - colour)


def _filled(like: np.ndarray, colour: Colour) -> np.ndarray:
    filled = np.empty((3, *like.shape), dtype=np.float32)
    filled[:] = np.asarray(colour, dtype=np.float32)[:, None, None]
    return filled


def _print_mark(shape: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Positive inside one of six shapes of a print around the origin."""
    if shape == 0:
        return 0.46 - np.sqrt(x * x + y * y)
    if shape == 1:
        return 0.36 - np.maximum(np.abs(x), np.abs(y))
    if shape == 2:
        return 0.2 - np.maximum(np.abs(x) * 0.32, np.abs(y))
    if shape == 3:
        return 0.5 - (np.abs(x) + np.abs(y))
    if shape == 4:
        distance = np.sqrt(x * x + y * y)
        return np.minimum(0.5 - distance, distance - 0.24)
    return np.where(np.abs(x) < 0.6, 0.13 - np.abs(np.abs(y) - 0.24), (-1))


def _pattern(person: Identity, colour: np.ndarray, along: np.ndarray, around: np.ndarray, sharpness: float) -> None:
    """Lay the pattern of the top's cloth over its plain colour."""
    second, count = person.second_colour, person.pattern_count
    match person.outfit.pattern:
        case "stripes":
            _blend(colour, second, np.sin(along * (2 * math.pi * (count + 1))) - 0.1, sharpness)
        case "pinstripes":
            _blend(colour, second, np.sin(around * (count + 5)) - 0.75, sharpness)
        case "check":
            bands = np.sin(along * (2 * math.pi * (count + 1))) + np.sin(around * (count + 3))
            _blend(colour, second, bands - 0.35, 0.45)
        case "block":
            _blend(colour, second, along - (0.3 + 0.06 * (count % 5)), sharpness * 6)
        case "yoke":
            _blend(colour, second, (0.2 + 0.02 * count) - along, sharpness * 6)
        case "fade":
            _blend(colour, second, along - 0.55, 1.4)
        case "print":
            size = person.print_size
            height = (along - person.pattern_position) * (3.1 / size)
            _blend(colour, second, _print_mark(person.print_shape, around * (1.2 / size), height), sharpness * 5)
            if person.back_print > 0:
                behind = (math.pi - np.abs(around)) * np.sign(around)
                mark = _print_mark((person.print_shape + person.back_print) % 6, behind * (1.1 / size), height)
                _blend(colour, second, mark, sharpness * 5)


def top_texture(person: Identity, yaw: float, sharpness: float) -> Texture:
    """The chest and back of the garment: pattern, opening, collar, straps of a bag."""
    kind = person.outfit.top

    def texture(along: np.ndarray, across: np.ndarray) -> np.ndarray:
        around = azimuth(across, yaw)
        beside = np.abs(around)
        colour = _filled(along, person.outfit.top_colour)
        _pattern(person, colour, along, around, sharpness)
        if kind in ("jacket", "coat"):
            _blend(colour, person.inner_colour, 0.42 - 0.22 * along - beside, sharpness * 4)
        elif kind == "shirt":
            _blend(colour, darker(person.outfit.top_colour, 0.6), 0.05 - beside, sharpness * 4)
            _blend(colour, person.skin, 0.12 - along - beside * 0.35, sharpness * 5)
        elif kind == "hoodie":
            pocket = np.minimum(0.62 - beside, 0.1 - np.abs(along - 0.76))
            _blend(colour, darker(person.outfit.top_colour, 0.75), pocket, sharpness * 6)
        else:
            depth = {"tank": 0.2, "dress": 0.16}.get(kind, 0.12)
            _blend(colour, person.skin, depth - along - beside * 0.16, sharpness * 5)
        if person.bag == "backpack":
            straps = np.where(along < 0.6, 0.11 - np.abs(beside - 0.66), (-1))
            _blend(colour, person.bag_colour, straps, sharpness * 5)
        elif person.bag == "crossbody":
            unfolded = np.where(beside < math.pi / 2, around, np.sign(around) * math.pi - around)
            strap = 0.1 - np.abs((along - 0.5) * 2.0 - unfolded * person.bag_side)
            _blend(colour, person.bag_trim, strap, sharpness * 5)
        if person.belt and kind in ("tee", "tank", "shirt"):
            _blend(colour, (0.1, 0.08, 0.07), along - 0.95, 40)
        return colour

    return texture


def sleeve_texture(person: Identity, sharpness: float) -> Texture | Colour:
    """The sleeves: the body's cloth, or the second colour."""
    if person.sleeve_contrast and person.outfit.top != "coat":
        return person.second_colour
    if person.outfit.pattern not in ("stripes", "check"):
        return person.outfit.top_colour

    def texture(along: np.ndarray, across: np.ndarray) -> np.ndarray:
        colour = _filled(along, person.outfit.top_colour)
        waves = np.sin(along * (math.pi * (person.pattern_count + 1)))
        _blend(colour, person.second_colour, waves - 0.1, sharpness)
        return colour

    return texture


def leg_texture(person: Identity, yaw: float, worn: tuple[float, float]) -> Texture | Colour:
    """Trouser legs: jeans are worn pale in front; ``worn``: how pale at the start and at the end of this part."""
    base = person.outfit.bottom_colour
    if person.outfit.bottom != "jeans":
        return base

    def texture(along: np.ndarray, across: np.ndarray) -> np.ndarray:
        pale = (worn[0] + (worn[1] - worn[0]) * along) * (0.5 + 0.5 * np.cos(np.arcsin(across) - yaw))
        return np.asarray(base, dtype=np.float32)[:, None, None] + 0.13 * pale

    return texture


def head_texture(person: Identity, yaw: float, sharpness: float) -> Texture:
    """Face and hair: hairline, eyes, brows, mouth, beard and glasses, as fine as the image shows them."""
    hairline = {"bald": -1.0, "crop": 0.14, "short": 0.19, "cap": 0.1, "hat": 0.1}.get(person.hair_style, 0.2)
    eyes = (0.08, 0.06, 0.05)
    lips = (0.75 * person.skin[0], 0.55 * person.skin[1], 0.55 * person.skin[2])

    def texture(along: np.ndarray, across: np.ndarray) -> np.ndarray:
        around = azimuth(across, yaw)
        beside = np.abs(around)
        colour = _filled(along, person.skin)
        colour *= 1 - 0.12 * np.clip(along - 0.6, 0, 1)
        eye = 0.16 - np.sqrt((beside - 0.42) ** 2 * 0.5 + ((along - 0.5) * 2.6) ** 2)
        _blend(colour, eyes, eye, min(sharpness * 2.2, 5.0))
        mouth = np.minimum(0.3 - beside, 0.035 - np.abs(along - 0.82))
        _blend(colour, lips, mouth, sharpness * 6)
        if person.glasses:
            _blend(colour, eyes, np.minimum(0.85 - beside, 0.03 - np.abs(along - 0.47)), sharpness * 7)
        if person.beard:
            _blend(colour, person.hair_colour, np.minimum(along - 0.72, 1.3 - beside), sharpness * 4)
        if hairline > 0:
            # The hair ends at the forehead in front, at the ear beside, and at the nape behind.
            edge = np.maximum(hairline - along, (beside - 1.3) * 0.7 - np.maximum(along - 0.8, 0) * 3)
            _blend(colour, person.hair_colour, edge, sharpness * 4)
        return colour

    return texture
