"""A person on the image: the parts of the body drawn from the farthest to the nearest."""

from __future__ import annotations

from bench.data.synthped import bags, head, lower_body, upper_body
from bench.data.synthped.figure import Figure
from bench.data.synthped.identity import Identity
from bench.data.synthped.limb import Image, Light, Point
from bench.data.synthped.skeleton import Pose, View, posed


def draw_person(
    image: Image, person: Identity, pose: Pose, foot: Point, scale: float, light: Light, pitch: float
) -> None:
    """Draw a person over ``image``, in place: ``foot`` in pixels, ``scale`` the body height in pixels."""
    view = View(foot, scale, pose.yaw, pitch)
    figure = Figure(image, person, view, posed(person, pose), light, pose.phase)
    for leg in sorted(figure.body.legs, key=lambda leg: view.depth(*leg.knee[:2]) + view.depth(*leg.ankle[:2])):
        lower_body.draw_leg(figure, leg)
    lower_body.draw_skirt(figure)
    arms = sorted(figure.body.arms, key=lambda arm: upper_body.arm_depth(figure, arm))
    near = [arm for arm in arms if upper_body.arm_depth(figure, arm) >= -0.02]
    if not figure.seen_from_behind:
        bags.draw_backpack(figure)
    for arm in arms:
        if arm not in near:
            upper_body.draw_arm(figure, arm)
    if not figure.seen_from_behind:
        head.draw_long_hair(figure)
    upper_body.draw_neck(figure)
    upper_body.draw_torso(figure)
    bags.draw_crossbody(figure)
    if figure.seen_from_behind:
        head.draw_head(figure)
        head.draw_long_hair(figure)
        bags.draw_backpack(figure)
    for arm in near:
        upper_body.draw_arm(figure, arm)
    if not figure.seen_from_behind:
        head.draw_head(figure)
