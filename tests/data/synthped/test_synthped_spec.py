from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bench.data.synthped import SIZES, SynthPedSpec, sized_spec
from bench.data.synthped.shots import GALLERY, QUERY, TRAIN, count_images
from bench.data.synthped.worker import planned
from bench.errors import BenchError


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": -1},
        {"height": 16, "width": 8},
        {"height": 64, "width": 64},
        {"train_identities": -1},
        {"train_identities": 9000, "test_identities": 1000},
        {"train_images_per_camera": (0, 2)},
        {"test_images_per_camera": (3, 2)},
        {"cameras_per_identity": (1, 3)},
        {"cameras_per_identity": (2, 7)},
    ],
)
def test_a_spec_that_cannot_be_rendered_is_refused(wrong):
    with pytest.raises(BenchError, match="synthped"):
        SynthPedSpec(**wrong)


def test_an_unknown_size_names_the_known_ones():
    with pytest.raises(BenchError, match="smoke, demo, small, market"):
        sized_spec("enormous")


def test_fingerprints_tell_specs_apart_and_survive_json():
    spec = SIZES["smoke"]
    assert spec.fingerprint() == replace(spec).fingerprint()
    assert spec.fingerprint() != replace(spec, seed=1).fingerprint()
    assert json.loads(json.dumps(spec.as_json())) == spec.as_json()


@pytest.mark.parametrize(
    ("size", "expected"),
    [("demo", {TRAIN: 3200, QUERY: 900, GALLERY: 3000}), ("market", {TRAIN: 12936, QUERY: 3368, GALLERY: 19732})],
)
def test_sizes_hold_about_as_many_images_as_they_promise(size, expected):
    counts = count_images(planned(SIZES[size]))
    for folder, count in expected.items():
        assert counts[folder] == pytest.approx(count, rel=0.08)


def test_names_and_streams_are_used_once():
    shots = [shot for part in planned(SIZES["demo"]) for shot in part.shots]
    assert len({shot.path for shot in shots}) == len(shots)
    assert len({shot.key for shot in shots}) == len(shots)
