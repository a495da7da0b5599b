"""A figure: the person, pose, view and light that drawing any part of the body needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.data.synthped.identity import Identity
from bench.data.synthped.limb import Image, Light, Point, Texture, limb
from bench.data.synthped.palette import Colour
from bench.data.synthped.skeleton import Joint, Skeleton, View


@dataclass(frozen=True)
class Figure:
    """Everything that drawing a part of a person needs."""

    image: Image
    person: Identity
    view: View
    body: Skeleton
    light: Light
    phase: float

    @property
    def sharpness(self) -> float:
        """Hardness of texture edges: a texture finer than the pixels must fade, not flicker."""
        return min(4.0, self.view.scale / 40.0)

    @property
    def seen_from_behind(self) -> bool:
        """Whether the back is turned to the camera."""
        return math.cos(self.view.yaw) < 0

    def at(self, joint: Joint) -> Point:
        """The pixel of a joint."""
        return self.view.point(joint)

    def limb(
        self,
        start: Joint,
        end: Joint,
        widths: Sequence[float],
        paint: Colour | Texture,
        *,
        cap: float = 1.0,
        fold: float = 0.0,
        fade: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        """A limb between two joints; ``widths`` in shares of the body height, the rest as in :func:`limb`."""
        pixels = [width * self.view.scale for width in widths]
        limb(self.image, self.at(start), self.at(end), pixels, paint, self.light, cap=cap, fold=fold, fade=fade)


def between(start: Joint, end: Joint, share: float) -> Joint:
    """The point a share of the way from one joint to the other (beyond it for more than 1)."""
    return (
        start[0] + (end[0] - start[0]) * share,
        start[1] + (end[1] - start[1]) * share,
        start[2] + (end[2] - start[2]) * share,
    )
