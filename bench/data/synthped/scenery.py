"""Scenes: wide views from which the backgrounds of crops are cut. Every camera watches several of them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from bench.data.synthped.chance import Purpose, Stream, choose, stream

SCENE_HEIGHT, SCENE_WIDTH = 288, 560
"""Pixels of a view; a person in it is some 200 of them high."""
SCENES_PER_CAMERA = 5

_SATURATION, _CONTRAST, _COMMON_BRIGHTNESS = 0.65, 0.86, 130.0

Ink = tuple[int, int, int]

_GROUNDS: dict[str, Ink] = {
    "paving": (152, 148, 142),
    "asphalt": (104, 104, 106),
    "concrete": (170, 167, 160),
    "brick": (142, 118, 104),
    "grass": (98, 112, 72),
    "floor": (158, 152, 140),
}
_FARS = {"facade": 0.3, "shops": 0.2, "hedge": 0.18, "wall": 0.14, "parked": 0.18}


def _ink(r: Stream, colour: Ink, spread: float = 12.0, hue: float = 4.0) -> Ink:
    whole = r.normal(0, spread)
    red, green, blue = (int(np.clip(channel + whole + r.normal(0, hue), 8, 240)) for channel in colour)
    return red, green, blue


def _dimmed(colour: Ink) -> Ink:
    """The colour of joints and seams."""
    red, green, blue = (channel * 17 // 20 for channel in colour)
    return red, green, blue


def _grey(r: Stream, low: float, high: float, hue: float = 8.0) -> Ink:
    level = int(r.uniform(low, high))
    return _ink(r, (level, level, level), 0.0, hue)


def _facade(draw: ImageDraw.ImageDraw, r: Stream, horizon: int) -> None:
    wall = _ink(r, [(168, 158, 142), (150, 104, 84), (182, 180, 174), (122, 118, 116)][int(r.integers(4))])
    draw.rectangle((0, 0, SCENE_WIDTH, horizon), fill=wall)
    step, high, frame = int(r.integers(44, 90)), int(r.integers(26, 60)), _grey(r, 60, 190)
    for x in range(int(r.integers(-30, 10)), SCENE_WIDTH, step):
        for y in range(int(r.integers(-30, 0)), horizon - high, high + int(r.integers(16, 40))):
            glass = _grey(r, 40, 120, 10)
            draw.rectangle((x, y, x + step // 2, y + high), fill=glass, outline=frame, width=2)
    draw.rectangle((0, horizon - 14, SCENE_WIDTH, horizon), fill=_ink(r, wall, 25))


def _shops(draw: ImageDraw.ImageDraw, r: Stream, horizon: int) -> None:
    x = -int(r.integers(60))
    while x < SCENE_WIDTH:
        wide = int(r.integers(70, 170))
        draw.rectangle((x, 0, x + wide, horizon), fill=_ink(r, (140, 132, 122), 25))
        bright = _ink(r, (120, 116, 112), 40, 28)
        draw.rectangle((x + 4, horizon // 5, x + wide - 4, horizon // 5 + int(r.integers(14, 30))), fill=bright)
        draw.rectangle((x + 6, horizon // 5 + 32, x + wide - 6, horizon - 6), fill=_grey(r, 50, 150, 12))
        for _ in range(int(r.integers(2, 7))):
            left, top = x + int(r.integers(6, wide)), int(r.integers(horizon // 3, horizon))
            goods = _ink(r, (128, 122, 112), 40, 30)
            draw.rectangle((left, top, left + int(r.integers(6, 26)), top + int(r.integers(6, 30))), fill=goods)
        x += wide


def _leaves(draw: ImageDraw.ImageDraw, r: Stream, box: tuple[float, float, float, float], count: int) -> None:
    left, top, right, bottom = box
    for _ in range(count):
        x, y, size = r.uniform(left, right), r.uniform(top, bottom), r.uniform(5, 20)
        draw.ellipse((x - size, y - size * 0.8, x + size, y + size * 0.8), fill=_ink(r, (72, 88, 54), 20, 6))


def _hedge(draw: ImageDraw.ImageDraw, r: Stream, horizon: int) -> None:
    draw.rectangle((0, 0, SCENE_WIDTH, horizon), fill=_ink(r, (150, 160, 168)))
    _leaves(draw, r, (0, horizon * r.uniform(-0.2, 0.5), SCENE_WIDTH, horizon), 220)
    for _ in range(int(r.integers(2, 7))):
        x, wide = r.uniform(0, SCENE_WIDTH), r.uniform(4, 10)
        draw.rectangle((x, 0, x + wide, horizon + 8), fill=_ink(r, (80, 68, 56)))


def _wall(draw: ImageDraw.ImageDraw, r: Stream, horizon: int) -> None:
    colour = _ink(r, [(160, 120, 100), (176, 172, 164), (150, 142, 128)][int(r.integers(3))])
    draw.rectangle((0, 0, SCENE_WIDTH, horizon), fill=colour)
    joint = _ink(r, _dimmed(colour), 3.0, 1.0)
    high, wide = int(r.integers(8, 30)), int(r.integers(18, 70))
    for row, y in enumerate(range(0, horizon, high)):
        draw.line((0, y, SCENE_WIDTH, y), fill=joint)
        for x in range(row % 2 * wide // 2, SCENE_WIDTH, wide):
            draw.line((x, y, x, y + high), fill=joint)
    for _ in range(int(r.integers(1, 5))):
        x, y = int(r.integers(SCENE_WIDTH)), int(r.integers(horizon))
        draw.rectangle(
            (x, y, x + int(r.integers(20, 60)), y + int(r.integers(20, 70))), fill=_ink(r, (130, 125, 120), 40, 18)
        )


def _parked(draw: ImageDraw.ImageDraw, r: Stream, horizon: int) -> None:
    (_facade if r.random() < 0.5 else _hedge)(draw, r, horizon)
    x = -float(r.integers(80))
    while x < SCENE_WIDTH:
        long, high = r.uniform(120, 180), r.uniform(44, 60)
        paint, base = _ink(r, (120, 120, 124), 45, 14), horizon + r.uniform(4, 14)
        draw.rounded_rectangle((x, base - high * 0.6, x + long, base - 5), radius=8, fill=paint)
        draw.polygon(
            [
                (x + long * 0.16, base - high * 0.58),
                (x + long * 0.3, base - high),
                (x + long * 0.72, base - high),
                (x + long * 0.86, base - high * 0.58),
            ],
            fill=_grey(r, 40, 80),
        )
        for wheel in (0.2, 0.78):
            draw.ellipse((x + long * wheel - 10, base - 16, x + long * wheel + 10, base + 4), fill=(36, 36, 38))
        x += long + r.uniform(10, 90)


def _ground(draw: ImageDraw.ImageDraw, r: Stream, horizon: int) -> None:
    kind = choose(r, {"paving": 0.3, "asphalt": 0.25, "concrete": 0.15, "brick": 0.1, "grass": 0.06, "floor": 0.14})
    colour = _ink(r, _GROUNDS[kind])
    deep = SCENE_HEIGHT - horizon
    draw.rectangle((0, horizon, SCENE_WIDTH, SCENE_HEIGHT), fill=colour)
    joint = _ink(r, _dimmed(colour), 3.0, 1.0)
    if kind in ("paving", "brick", "floor", "concrete"):
        # Rows of slabs come closer together towards the horizon; the other joints meet at a vanishing point.
        rows = {"brick": 22, "concrete": 5}.get(kind, 11)
        for row in range(rows):
            y = horizon + deep * (row / rows) ** 1.8
            draw.line((0, y, SCENE_WIDTH, y), fill=joint)
        vanish = r.uniform(0, SCENE_WIDTH)
        for x in range(-SCENE_WIDTH, 2 * SCENE_WIDTH, int(900 / rows)):
            draw.line((vanish + (x - vanish) * 0.35, horizon, x, SCENE_HEIGHT), fill=joint)
    if kind == "asphalt" and r.random() < 0.6:
        y, paint = horizon + deep * r.uniform(0.15, 0.7), _grey(r, 165, 205, 4)
        if r.random() < 0.5:
            draw.rectangle((0, y, SCENE_WIDTH, y + deep * 0.06), fill=paint)
        else:
            for x in range(0, SCENE_WIDTH, int(r.integers(40, 70))):
                draw.polygon([(x, y), (x + 18, y), (x + 10, y + deep * 0.3), (x - 14, y + deep * 0.3)], fill=paint)
    if kind != "grass" and r.random() < 0.4:
        top = horizon + deep * r.uniform(0, 0.15)
        draw.rectangle((0, horizon, SCENE_WIDTH, top), fill=_ink(r, (112, 122, 82)))
        draw.rectangle((0, top, SCENE_WIDTH, top + 5), fill=_grey(r, 150, 190))


def _street_things(draw: ImageDraw.ImageDraw, r: Stream, horizon: int) -> None:
    for _ in range(int(r.integers(2, 8))):
        x, foot = r.uniform(0, SCENE_WIDTH), horizon + r.uniform(0, 0.5) * (SCENE_HEIGHT - horizon)
        kind, colour = int(r.integers(4)), _ink(r, (96, 94, 92), 35, 16)
        if kind == 0:
            draw.rectangle((x, -5, x + r.uniform(3, 9), foot), fill=colour)
        elif kind == 1:
            wide, high = r.uniform(16, 40), r.uniform(26, 60)
            draw.rounded_rectangle((x, foot - high, x + wide, foot), radius=4, fill=colour)
        elif kind == 2:
            for wheel in (0, 34):
                draw.ellipse((x + wheel - 13, foot - 26, x + wheel + 13, foot), outline=colour, width=2)
            draw.line((x, foot - 13, x + 12, foot - 34, x + 34, foot - 13), fill=colour, width=2)
        else:
            for post in range(0, int(r.integers(60, 160)), 12):
                draw.line((x + post, foot - 40, x + post, foot), fill=colour, width=2)
            draw.line((x, foot - 40, x + post, foot - 40), fill=colour, width=3)


def _cloudy(r: Stream, step: int) -> np.ndarray:
    """``(SCENE_HEIGHT, SCENE_WIDTH)``: smooth noise of unit size whose features are ``step`` pixels wide."""
    coarse = r.standard_normal((SCENE_HEIGHT // step + 2, SCENE_WIDTH // step + 2)).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize((SCENE_WIDTH, SCENE_HEIGHT), Image.Resampling.BICUBIC))


@lru_cache(maxsize=64)
def scene(seed: int, camera: int, index: int) -> Image.Image:
    """One of the views of a camera, an RGB picture of :data:`SCENE_WIDTH` × :data:`SCENE_HEIGHT`."""
    r = stream(seed, Purpose.SCENE, camera, index)
    picture = Image.new("RGB", (SCENE_WIDTH, SCENE_HEIGHT))
    draw = ImageDraw.Draw(picture)
    horizon = int(SCENE_HEIGHT * r.uniform(0.22, 0.55))
    far = {"facade": _facade, "shops": _shops, "hedge": _hedge, "wall": _wall, "parked": _parked}[choose(r, _FARS)]
    far(draw, r, horizon)
    _ground(draw, r, horizon)
    _street_things(draw, r, horizon)
    if r.random() < 0.3:
        _leaves(draw, r, (r.uniform(0, SCENE_WIDTH), -20, SCENE_WIDTH, horizon * 0.5), 60)
    picture = picture.filter(ImageFilter.GaussianBlur(1.1))
    light = 1 + 0.07 * _cloudy(r, 48) + 0.03 * _cloudy(r, 6)
    if r.random() < 0.45:
        # Sun through leaves, or the shadow of a building: patches on the ground.
        patches = np.clip(1.5 * _cloudy(r, int(r.integers(14, 60))), -1, 1)
        patches[:horizon] *= 0.35
        light += 0.16 * patches
    pixels = np.asarray(picture, dtype=np.float32) * light[..., None]
    # Streets are duller and more alike than the things in them: draw towards grey, and towards a common brightness.
    grey = pixels.mean(axis=2, keepdims=True)
    pixels = _COMMON_BRIGHTNESS + _CONTRAST * (grey + _SATURATION * (pixels - grey) - _COMMON_BRIGHTNESS)
    pixels += 3.0 * r.standard_normal(light.shape, dtype=np.float32)[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
