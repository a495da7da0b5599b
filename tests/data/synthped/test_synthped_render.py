from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from bench.data.synthped import SIZES
from bench.data.synthped.identity import cast
from bench.data.synthped.picture import render_image
from bench.data.synthped.shots import Box, Difficulty, Group
from bench.data.synthped.worker import people, planned, render_shot

SPEC = SIZES["smoke"]


def _shots(count: int):
    return [part.shots[0] for part in planned(SPEC)][:count]


def _pixels(spec, shot) -> np.ndarray:
    person = people(spec, shot.group)[shot.person]
    return np.asarray(render_image(spec.seed, shot, person, spec.height, spec.width)[0]).astype(int)


def test_the_same_shot_gives_the_same_pixels_in_any_order():
    shots = _shots(6)
    forth = [_pixels(SPEC, shot) for shot in shots]
    back = [_pixels(SPEC, shot) for shot in reversed(shots)][::-1]
    for one, other in zip(forth, back, strict=True):
        assert np.abs(one - other).max() <= 2


def test_another_seed_gives_other_people_and_places():
    other = replace(SPEC, seed=5)
    assert cast(0, Group.TEST, 8) != cast(5, Group.TEST, 8)
    differences = [np.abs(_pixels(SPEC, shot) - _pixels(other, shot)).mean() for shot in _shots(4)]
    assert min(differences) > 5


def test_groups_share_nobody():
    assert not set(cast(0, Group.TRAIN, 50)) & set(cast(0, Group.TEST, 50))


def test_a_set_shows_the_same_at_another_resolution():
    large = replace(SPEC, height=128, width=64)
    for shot in _shots(6):
        small = _pixels(SPEC, shot)
        shrunk = Image.fromarray(_pixels(large, shot).astype(np.uint8)).resize(
            (SPEC.width, SPEC.height), Image.Resampling.BOX
        )
        # Noise and the sharpness of edges differ; what is seen does not.
        assert np.abs(small - np.asarray(shrunk).astype(int)).mean() < 9


@pytest.mark.parametrize("box", list(Box))
@pytest.mark.parametrize("difficulty", list(Difficulty))
def test_every_kind_of_image_is_rendered(box, difficulty):
    shot = replace(_shots(1)[0], box=box, difficulty=difficulty)
    assert render_shot(SPEC, shot).startswith(b"\xff\xd8")
    assert _pixels(SPEC, shot).shape == (SPEC.height, SPEC.width, 3)


def test_importing_the_renderer_imports_no_framework():
    check = "import sys, bench.data.synthped.process, bench.data.synthped.dataset; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
