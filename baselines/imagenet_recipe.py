"""The recipe of MSDNet's and RANet's official code: that of ImageNet classifiers."""

from __future__ import annotations

from dataclasses import replace

from bench.training import shared
from bench.training.recipe import Augmentation, Optimiser, Recipe, Schedule

PAPER_RECIPE = Recipe(
    input_size=(256, 128),
    epochs=90,
    identities_per_batch=64,
    images_per_identity=4,
    optimiser=Optimiser(name="sgd", learning_rate=0.1, weight_decay=1e-4, momentum=0.9),
    schedule=Schedule(kind="step", milestones=(30, 60), factor=0.1),
    augmentation=Augmentation(flip=0.5, erase=0.0),
)
"""Both official repositories: SGD at 0.1 with batches of 256, 90 epochs, a tenth every 30.

Its random crops at random scales are left out: they would show parts of people.
"""
DEMO_RECIPE = replace(
    PAPER_RECIPE,
    input_size=(128, 64),
    epochs=12,
    batches_per_epoch=30,
    identities_per_batch=16,
    schedule=Schedule(kind="step", milestones=(7, 10), factor=0.1),
)
"""The same schedule in minutes, with batches of 64."""
SMALL_RECIPE = shared.between(DEMO_RECIPE)
SMOKE_RECIPE = replace(
    DEMO_RECIPE,
    input_size=shared.SMOKE.input_size,
    epochs=2,
    batches_per_epoch=3,
    identities_per_batch=4,
    images_per_identity=2,
    optimiser=Optimiser(name="sgd", learning_rate=0.01, weight_decay=1e-4, momentum=0.9),
    schedule=Schedule(kind="step", milestones=(1,), factor=0.1),
)
