"""A track: one passage of a person before a camera, with its background, walking direction and light."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.data.synthped.camera import Camera, Illumination, draw_illumination
from bench.data.synthped.chance import Stream, choose
from bench.data.synthped.identity import Identity
from bench.data.synthped.scenery import SCENES_PER_CAMERA


@dataclass(frozen=True)
class Track:
    """What the images of a passage share.

    ``scene`` is a view of the camera; ``position`` (0 to 1 across it), ``zoom`` and ``mirrored`` select the part of it
    behind the person. ``yaw``, ``phase``, ``stride`` and ``gestures`` are as in a pose.
    """

    scene: int
    position: float
    zoom: float
    mirrored: bool
    yaw: float
    phase: float
    stride: float
    gestures: tuple[str, str]
    light: Illumination


def draw_track(r: Stream, camera: Camera, person: Identity) -> Track:
    """A random track: most people walk in the camera's usual direction, a third the other way, some stand."""
    yaw = r.normal(camera.heading, 0.6) + (math.pi if r.random() < 0.35 else 0.0)
    stands = r.random() < 0.15
    gestures = [choose(r, {"swing": 0.74, "phone": 0.12, "pocket": 0.14}) for _ in range(2)]
    if person.bag in ("handbag", "tote"):
        gestures[0 if person.bag_side < 0 else 1] = "carry"
    return Track(
        scene=int(r.integers(SCENES_PER_CAMERA)),
        position=float(r.random()),
        zoom=float(r.uniform(0.55, 0.95)),
        mirrored=bool(r.random() < 0.5),
        yaw=yaw,
        phase=r.uniform(0.0, 2 * math.pi),
        stride=person.stride * (0.12 if stands else r.uniform(0.7, 1.15)),
        gestures=(gestures[0], gestures[1]),
        light=draw_illumination(r, camera),
    )
