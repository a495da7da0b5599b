"""Preset small of every method: the demo's recipe, longer and on larger images."""

from dataclasses import replace

import pytest

from bench import registry
from bench.training.shared import between

OWN = registry.names("method", "reid-budget-bench")
METHODS = [name for name in OWN if "demo" in registry.method(name).presets]


@pytest.mark.parametrize("name", METHODS)
def test_it_is_the_demo_over_more_images(name):
    demo, small, paper = (registry.method(name).presets[preset] for preset in ("demo", "small", "paper"))
    recipe = small.recipe
    assert recipe.epochs * recipe.batches_per_epoch * recipe.batch_size == 115_200
    assert demo.recipe.input_size <= recipe.input_size <= paper.recipe.input_size
    assert (recipe.optimiser, recipe.schedule.kind) == (demo.recipe.optimiser, demo.recipe.schedule.kind)
    assert set(small.network) == set(demo.network)
    assert small.network.get("weights", "none") == "none"


def test_milestones_borders_and_sizes_grow_with_it():
    demo = registry.method("trinet").presets["demo"].recipe
    demo = replace(demo, augmentation=replace(demo.augmentation, pad=4))
    small = between(demo)
    assert (demo.epochs, demo.schedule.milestones, small.epochs, small.schedule.milestones) == (14, (8,), 30, (17,))
    assert (small.input_size, small.resize, small.augmentation.pad) == ((192, 96), (216, 108), 6)
    assert between(demo, growth=1).input_size == demo.input_size
