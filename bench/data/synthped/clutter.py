"""Obstacles between the camera and the person, and bystanders."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from bench.data.synthped.chance import Stream, sign
from bench.data.synthped.identity import Identity
from bench.data.synthped.limb import Image, Light, limb
from bench.data.synthped.palette import TOPS, darker, tint
from bench.data.synthped.person import draw_person
from bench.data.synthped.skeleton import Pose


def draw_bystander(
    image: Image, r: Stream, strangers: tuple[Identity, ...], foot: tuple[float, float], scale: float, light: Light
) -> None:
    """A random stranger, walking in any direction."""
    person = strangers[int(r.integers(len(strangers)))]
    pose = Pose(r.uniform(-np.pi, np.pi), r.uniform(0.0, 6.3), person.stride * r.uniform(0.2, 1.0))
    draw_person(image, person, pose, foot, scale, light, 0.12)


def draw_obstacle(image: Image, r: Stream, light: Light, share: float) -> None:
    """A post, a box, a bush, a railing or a bicycle in front of the person, hiding about ``share`` of the picture."""
    height, width = image.shape[1:]
    colour = darker(tint(r, TOPS, 0.08, 0.02), 0.75)
    kind, x, extent = int(r.integers(5)), r.uniform(0.15, 0.85) * width, r.uniform(0.75, 1.25) * share
    if kind == 0:
        half = (0.03 + 0.4 * extent) * width * 0.5
        limb(image, (x, -9.0), (x, height + 9.0), (half, half), colour, light, cap=0.0)
    elif kind == 1:
        half, top = width * r.uniform(0.2, 0.4), height * (1 - 1.1 * extent)
        limb(image, (x, top), (x, height + 9.0), (half, half * 0.95), colour, light, cap=0.1)
    elif kind == 2:
        flat = Light(side=0.05, ambient=0.9)
        for _ in range(10 + int(40 * extent)):
            size = r.uniform(0.018, 0.05) * height
            leaf = 0.16 * r.uniform(0.55, 1.6)
            x_leaf, top = x + r.normal(0, 0.24) * width, height * (1 - abs(r.normal(0, 0.75 * extent)))
            end = (x_leaf + r.normal(0, size), top + size)
            limb(image, (x_leaf, top), end, (size, size), (leaf * 1.05, leaf * 1.3, leaf * 0.75), flat)
    elif kind == 3:
        top, step = height * (1 - 1.3 * extent), max(0.1 * width, 3.0)
        for bar in np.arange(r.uniform(0, step), width, step):
            limb(image, (bar, top), (bar, height + 5.0), (0.014 * width, 0.014 * width), colour, light, cap=0.0)
        limb(image, (-5.0, top), (width + 5.0, top), (0.02 * width, 0.02 * width), colour, light, cap=0.0)
    else:
        # A parked bicycle: two wheels of short chords, and a frame.
        size, ground, thin = 0.13 * height, height * r.uniform(0.97, 1.05), 0.007 * height
        for hub in (x - 0.17 * height, x + 0.17 * height):
            turn = np.linspace(0, 2 * np.pi, 11)
            rim = [(hub + size * np.cos(angle), ground - size + size * np.sin(angle)) for angle in turn]
            for start, end in pairwise(rim):
                limb(image, start, end, (thin, thin), (0.1, 0.1, 0.11), light)
        saddle = (x - 0.04 * height, ground - 2.1 * size)
        back, pedals, front = ((x + share * height, ground - size) for share in (-0.17, 0.02, 0.17))
        head, bars = (x + 0.14 * height, ground - 2.1 * size), (x + 0.12 * height, ground - 2.4 * size)
        for start, end in ((back, saddle), (saddle, head), (bars, front), (saddle, pedals)):
            limb(image, start, end, (1.4 * thin, 1.4 * thin), colour, light)


def beside(r: Stream, least: float, most: float) -> float:
    """A signed distance of ``least`` to ``most``, to either side."""
    return sign(r) * r.uniform(least, most)
