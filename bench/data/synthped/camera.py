"""The six cameras, and the light of a passage before one of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bench.data.synthped.chance import Stream
from bench.data.synthped.limb import Image, Light


@dataclass(frozen=True)
class Camera:
    """``resolution``: least and most share of the crop's height at which the camera sees a person.

    ``gains``: its white balance for red, green, blue; ``pitch``: how steeply it looks down; ``heading``: the yaw,
    in radians, at which most people pass it; ``noise``: standard deviation in 0 to 1; ``quality``: of its JPEG files.
    """

    resolution: tuple[float, float]
    gains: tuple[float, float, float]
    exposure: float
    gamma: float
    saturation: float
    pitch: float
    heading: float
    noise: float
    quality: tuple[int, int]


CAMERAS = (
    Camera((0.60, 1.00), (1.00, 1.00, 1.00), 1.02, 1.00, 1.00, 0.10, 0.2, 0.010, (82, 93)),
    Camera((0.50, 1.00), (1.02, 1.00, 0.97), 1.06, 0.96, 0.97, 0.14, 1.5, 0.013, (78, 92)),
    Camera((0.50, 0.95), (0.98, 1.00, 1.03), 0.95, 1.03, 0.96, 0.16, 3.1, 0.016, (74, 90)),
    Camera((0.42, 0.90), (1.00, 1.01, 0.98), 1.04, 0.95, 0.93, 0.12, -1.5, 0.015, (70, 90)),
    Camera((0.45, 0.90), (1.03, 0.99, 0.96), 0.92, 1.04, 1.02, 0.18, 0.8, 0.018, (68, 88)),
    Camera((0.34, 0.70), (0.99, 1.01, 1.01), 0.98, 1.00, 0.91, 0.12, 2.4, 0.017, (62, 84)),
)

EXPOSURE_WANDER = 0.07
"""Standard deviation of the logarithm of brightness from one hour to another before the same camera."""
COLOUR_WANDER = 0.016
"""The same for the warmth of the light and for its green share."""


@dataclass(frozen=True)
class Illumination:
    """The light of one passage: ``gains`` of red, green, blue, a ``gamma``, haze, sun and its direction.

    ``sun``: 0 overcast to 1 clear; ``side``: −1 from the left to 1 from the right.
    """

    gains: tuple[float, float, float]
    gamma: float
    haze: float
    sun: float
    side: float

    @property
    def on_bodies(self) -> Light:
        """How the light falls on a body: the clearer the sky, the darker the flank turned away."""
        return Light(side=0.16 * self.sun * self.side, ambient=0.80 - 0.2 * self.sun)


def draw_illumination(r: Stream, camera: Camera) -> Illumination:
    """The light at some hour before a camera."""
    level = camera.exposure * math.exp(r.normal(0.0, EXPOSURE_WANDER))
    warmth, green = r.normal(0.0, COLOUR_WANDER), r.normal(0.0, COLOUR_WANDER * 0.5)
    red, middle, blue = camera.gains
    return Illumination(
        gains=(level * red * (1 + warmth), level * middle * (1 + green), level * blue * (1 - warmth)),
        gamma=camera.gamma * math.exp(r.normal(0.0, 0.04)),
        haze=max(0.0, r.normal(0.02, 0.025)),
        sun=float(np.clip(r.normal(0.45, 0.35), 0.0, 1.0)),
        side=float(r.uniform(-1.0, 1.0)),
    )


def expose(image: Image, camera: Camera, light: Illumination, jitter: float) -> Image:
    """What the camera makes of an image ``(3, H, W)`` in this light; ``jitter`` scales the brightness of one frame."""
    if camera.saturation != 1.0:
        grey = image.mean(axis=0)
        image = grey + camera.saturation * (image - grey)
    image = image * (np.asarray(light.gains, dtype=np.float32) * np.float32(jitter))[:, None, None]
    np.clip(image, 1e-4, 1.0, out=image)
    np.power(image, np.float32(light.gamma), out=image)
    if light.haze:
        image *= 1 - light.haze
        image += 0.6 * light.haze
    return image
