"""Where the joints of a person are in a pose, and where the camera sees them.

Body coordinates are shares of the body height: x to the person's left as one faces them (right in the image), y to the
front, z up from the ground.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from bench.data.synthped.identity import Identity
from bench.data.synthped.limb import Point

Joint = tuple[float, float, float]
"""x, y, z in body coordinates."""

SHOULDER_HEIGHT = 0.803
HIP_HEIGHT = 0.49


@dataclass(frozen=True)
class Pose:
    """``yaw``: 0 faces the camera, π turns the back to it; ``phase`` of the gait, both in radians.

    ``stride``: swing of the thighs in radians. ``gestures``: what the two arms do (left in the image of a person who
    faces the camera first): ``swing``, ``phone``, ``pocket``, ``carry``. ``lean``: of the chest to the front.
    """

    yaw: float
    phase: float
    stride: float
    gestures: tuple[str, str] = ("swing", "swing")
    lean: float = 0.0


@dataclass(frozen=True)
class View:
    """Projects a body that stands at ``foot`` (pixels), ``scale`` pixels high, seen from above by ``pitch``."""

    foot: Point
    scale: float
    yaw: float
    pitch: float

    @cached_property
    def _cosine(self) -> float:
        return math.cos(self.yaw)

    @cached_property
    def _sine(self) -> float:
        return math.sin(self.yaw)

    def depth(self, x: float, y: float) -> float:
        """How far a point is in front of the body's axis, towards the camera."""
        return y * self._cosine - x * self._sine

    def point(self, joint: Joint) -> Point:
        """The pixel of a joint."""
        x, y, z = joint
        sideways, depth = x * self._cosine + y * self._sine, y * self._cosine - x * self._sine
        return self.foot[0] + self.scale * sideways, self.foot[1] - self.scale * (z - self.pitch * depth)

    def half_width(self, breadth: float, thickness: float) -> float:
        """Half-width in pixels of an elliptic section of half ``breadth`` (x) and half ``thickness`` (y)."""
        return self.scale * math.hypot(breadth * self._cosine, thickness * self._sine)


@dataclass(frozen=True)
class Leg:
    """Joints of a leg; ``side`` −1 or 1."""

    side: int
    hip: Joint
    knee: Joint
    ankle: Joint
    lift: float


@dataclass(frozen=True)
class Arm:
    """Joints of an arm; ``side`` −1 or 1."""

    side: int
    shoulder: Joint
    elbow: Joint
    wrist: Joint


@dataclass(frozen=True)
class Skeleton:
    """A posed body. ``drop``: how far it sinks in the gait. ``lean``: of the chest to the front."""

    legs: tuple[Leg, Leg]
    arms: tuple[Arm, Arm]
    drop: float
    lean: float


def _leg(person: Identity, pose: Pose, side: int, drop: float) -> Leg:
    phase = pose.phase + (0.0 if side < 0 else math.pi)
    swing = pose.stride * math.sin(phase)
    bend = 0.08 + 1.9 * max(0.0, math.sin(phase - 1.2)) * pose.stride
    bone = 0.225 + person.legs * 0.5
    x = side * 0.046 * person.build * (1 + person.hips)
    hip = (x, 0.0, HIP_HEIGHT + person.legs - drop)
    knee = (x * 0.97, bone * math.sin(swing), hip[2] - bone * math.cos(swing))
    ankle = (x * 0.88, knee[1] + bone * math.sin(swing - bend), knee[2] - bone * math.cos(swing - bend))
    return Leg(side, hip, knee, ankle, max(0.0, math.sin(phase - 1.2)) * pose.stride)


def _arm(person: Identity, pose: Pose, side: int, drop: float) -> Arm:
    swing = -0.85 * pose.stride * math.sin(pose.phase + (0.0 if side < 0 else math.pi))
    bend = 0.22 + 0.3 * max(0.0, math.sin(swing))
    out, inward = 0.012, 0.0
    gesture = pose.gestures[0 if side < 0 else 1]
    if gesture == "phone":
        swing, bend, inward = 0.25, 2.1, 0.045
    elif gesture == "pocket":
        swing, bend, out = -0.25, 0.62, 0.032
    elif gesture == "carry":
        swing, bend = swing * 0.35, 0.12
    x = side * 0.094 * person.build * (1 - 0.6 * person.hips)
    shoulder = (x, pose.lean, SHOULDER_HEIGHT - drop)
    elbow_x = x + side * out
    elbow = (elbow_x, pose.lean + 0.168 * math.sin(swing), shoulder[2] - 0.168 * math.cos(swing))
    reach = swing + bend
    wrist = (elbow_x - side * inward, elbow[1] + 0.145 * math.sin(reach), elbow[2] - 0.145 * math.cos(reach))
    return Arm(side, shoulder, elbow, wrist)


def posed(person: Identity, pose: Pose) -> Skeleton:
    """The joints of a person in a pose."""
    drop = 0.02 * pose.stride * abs(math.sin(pose.phase))
    legs = (_leg(person, pose, -1, drop), _leg(person, pose, 1, drop))
    arms = (_arm(person, pose, -1, drop), _arm(person, pose, 1, drop))
    return Skeleton(legs, arms, drop, pose.lean)
