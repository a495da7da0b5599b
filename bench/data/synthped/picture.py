"""One image of one person: the box, the background and clutter in it, and the camera's effects."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image as Pillow
from PIL import ImageFilter

from bench.data.synthped.camera import CAMERAS, Camera, expose
from bench.data.synthped.chance import Purpose, Stream, sign, stream
from bench.data.synthped.clutter import beside, draw_bystander, draw_obstacle
from bench.data.synthped.identity import Identity, cast
from bench.data.synthped.limb import Image, darken
from bench.data.synthped.person import draw_person
from bench.data.synthped.scenery import SCENE_HEIGHT, SCENE_WIDTH, scene
from bench.data.synthped.shots import Box, Difficulty, Group, Shot
from bench.data.synthped.skeleton import Pose
from bench.data.synthped.track import Track, draw_track

STRANGERS = 160
"""People who are in no split: bystanders and distractors."""


@lru_cache(maxsize=4)
def strangers(seed: int) -> tuple[Identity, ...]:
    """The people in no split."""
    return cast(seed, Group.STRANGER, STRANGERS, twin_share=0.0)


def _background(seed: int, camera: int, track: Track, r: Stream, height: int, width: int) -> Image:
    """``(3, height, width)``: a piece of the scene, its ground under the feet."""
    view = scene(seed, camera, track.scene)
    box_height = SCENE_HEIGHT * float(np.clip(track.zoom * r.normal(1.0, 0.06), 0.45, 1.0))
    box_width = min(box_height * width / height, SCENE_WIDTH)
    left = float(np.clip(track.position + r.normal(0, 0.04), 0, 1)) * (SCENE_WIDTH - box_width)
    bottom = SCENE_HEIGHT - r.uniform(0.0, 0.6) * (SCENE_HEIGHT - box_height)
    box = (left, bottom - box_height, left + box_width, bottom)
    cut = view.resize((width, height), Pillow.Resampling.BILINEAR, box=box, reducing_gap=2.0)
    pixels = np.asarray(cut, dtype=np.float32).transpose(2, 0, 1) * np.float32(1 / 255)
    return np.ascontiguousarray(pixels[:, :, ::-1] if track.mirrored else pixels)


@dataclass(frozen=True)
class _Framing:
    """Where the person stands in the crop, as shares of its height: foot, body height, and sideways from the middle."""

    foot: float
    scale: float
    aside: float


def _frame(r: Stream, box: Box, difficulty: Difficulty) -> _Framing:
    """A detector's box: mostly close, sometimes cutting the head or the feet; very bad for junk."""
    foot, scale, aside = 0.955 + r.normal(0, 0.02), 0.905 + r.normal(0, 0.035), r.normal(0, 0.022)
    loose = r.random() < (0.5 if difficulty is Difficulty.HARD else 0.2)
    cut, kind = r.uniform(0.04, 0.15), int(r.integers(4))
    side, far = sign(r), r.uniform(0.12, 0.3)
    if box is Box.BAD:
        return _Framing(foot + side * r.uniform(0.2, 0.45), scale * r.uniform(0.8, 1.7), aside + sign(r) * far)
    if loose:
        if kind == 0:
            foot += cut
        elif kind == 1:
            scale, foot = scale + cut, foot - 0.01
        elif kind == 2:
            scale -= cut * 1.3
            foot -= r.uniform(0.0, cut)
        else:
            scale, foot = scale * (1 + cut), foot + cut * 0.8
    return _Framing(foot, scale, aside)


def _resolution(r: Stream, camera: Camera, difficulty: Difficulty, trouble: int) -> float:
    share = r.uniform(*camera.resolution)
    if difficulty is Difficulty.HARD and trouble != 1:
        return r.uniform(0.25, 0.45)
    if difficulty is Difficulty.EXTREME and trouble == 0:
        return r.uniform(0.09, 0.15)
    return share


def render_image(spec_seed: int, shot: Shot, person: Identity, height: int, width: int) -> tuple[Pillow.Image, int]:
    """The picture of a shot at ``height`` × ``width`` pixels, and the JPEG quality that its camera writes.

    Every number is drawn before the noise, which alone depends on the resolution: a set shows the same at any size.
    """
    camera = CAMERAS[shot.camera]
    track = draw_track(stream(spec_seed, Purpose.TRACK, *shot.track), camera, person)
    r = stream(spec_seed, Purpose.IMAGE, *shot.key)
    trouble = int(r.integers(3))
    share = _resolution(r, camera, shot.difficulty, trouble)
    high, wide = max(8, round(height * share)), max(4, round(width * share))
    framing = _frame(r, shot.box, shot.difficulty)
    image = _background(spec_seed, shot.camera, track, r, high, wide)
    foot = (wide * 0.5 + framing.aside * high, framing.foot * high)
    scale = framing.scale * high
    if shot.box is not Box.EMPTY:
        _draw_people(image, r, spec_seed, shot, person, track, camera, foot, scale, trouble)
    elif r.random() < 0.5:
        light = track.light.on_bodies
        draw_bystander(
            image, r, strangers(spec_seed), (foot[0] + beside(r, 0.2, 0.4) * high, foot[1]), scale * 0.9, light
        )
    jitter = math.exp(r.normal(0, 0.03))
    if shot.difficulty is Difficulty.EXTREME and trouble == 2:
        jitter *= r.uniform(0.15, 0.28)
    elif shot.difficulty is Difficulty.HARD and trouble == 1:
        jitter *= r.uniform(0.5, 0.75) if r.random() < 0.6 else r.uniform(1.25, 1.5)
    shade_from, shade = r.uniform(-1.0, 1.0), r.uniform(0.7, 0.92)
    if r.random() < 0.15:
        rows = (np.arange(high, dtype=np.float32) + 0.5) / high
        image *= (1 - (1 - shade) * np.clip((shade_from - rows) * 4 + 0.5, 0, 1)).astype(np.float32)[:, None]
    # Enlarging from the camera's resolution blurs most images already; some are out of focus besides.
    blur = r.uniform(0.3, 0.8) * height / 128 if r.random() < 0.25 else 0.0
    quality = int(r.integers(*camera.quality))
    image = expose(image, camera, track.light, jitter)
    noise = camera.noise * (1.8 if jitter < 0.4 else 1.0)
    image += noise * r.standard_normal(image.shape, dtype=np.float32)
    np.clip(image, 0, 1, out=image)
    pixels = (image * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0)
    picture = Pillow.fromarray(np.ascontiguousarray(pixels))
    if (high, wide) != (height, width):
        picture = picture.resize((width, height), Pillow.Resampling.BILINEAR)
    if blur:
        picture = picture.filter(ImageFilter.GaussianBlur(blur))
    return picture, quality


def _draw_people(
    image: Image,
    r: Stream,
    seed: int,
    shot: Shot,
    person: Identity,
    track: Track,
    camera: Camera,
    foot: tuple[float, float],
    scale: float,
    trouble: int,
) -> None:
    """Draw bystanders, the person with a shadow, and obstacles over ``image``, in place."""
    high = image.shape[1]
    light = track.light.on_bodies
    if r.random() < 0.16:
        behind = (foot[0] + beside(r, 0.14, 0.3) * high, foot[1] - r.uniform(0.02, 0.10) * high)
        draw_bystander(image, r, strangers(seed), behind, scale * r.uniform(0.75, 0.95), light)
    pose = Pose(
        yaw=track.yaw + r.normal(0, 0.18),
        phase=track.phase + 1.3 * shot.moment + r.normal(0, 0.4),
        stride=track.stride,
        gestures=track.gestures,
        lean=0.012 + r.normal(0, 0.008),
    )
    sun, side = track.light.sun, track.light.side
    darken(image, foot, (0.17 * scale, 0.035 * scale), 0.45)
    if sun > 0.35:
        long = 0.28 * scale
        darken(
            image, (foot[0] - side * 0.3 * scale, foot[1] - 0.04 * scale), (long, 0.06 * scale), 0.32 * sun, lean=side
        )
    draw_person(image, person, pose, foot, scale, light, camera.pitch)
    hidden = 0.0
    if shot.difficulty is Difficulty.EXTREME and trouble == 1:
        hidden = 0.75
    elif shot.difficulty is Difficulty.HARD and trouble == 2:
        hidden = r.uniform(0.2, 0.4)
    elif r.random() < 0.10:
        hidden = r.uniform(0.08, 0.2)
    if hidden and r.random() < (0.6 if hidden > 0.5 else 0.3):
        near = (0.03, 0.09) if hidden > 0.5 else (0.30 - 0.35 * hidden, 0.34 - 0.3 * hidden)
        before = (foot[0] + beside(r, *near) * high, foot[1] + 0.05 * high)
        draw_bystander(image, r, strangers(seed), before, scale * r.uniform(0.98, 1.12), light)
    elif hidden:
        draw_obstacle(image, r, light, hidden)


def encode(picture: Pillow.Image, quality: int) -> bytes:
    """The picture as a JPEG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
