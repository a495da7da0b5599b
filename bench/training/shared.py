"""The shared recipe, by which every method can be trained to compare networks and exits alone.

It is HashReID's optimiser, schedule and augmentation (section 4.2 of the paper), at the size of each preset. The own
recipe of a method is in its presets.
"""

from __future__ import annotations

from dataclasses import replace

from bench.training.recipe import Augmentation, Optimiser, Recipe, Schedule

PAPER = Recipe(
    input_size=(256, 128),
    epochs=100,
    identities_per_batch=16,
    images_per_identity=4,
    optimiser=Optimiser(name="adam", learning_rate=3e-4),
    schedule=Schedule(kind="step", milestones=(40, 70), factor=0.1),
    augmentation=Augmentation(flip=0.5, erase=0.5),
)
"""Section 4.2: the rate falls to 3e-5 by epoch 40 and to 3e-6 by epoch 70."""
DEMO = replace(
    PAPER,
    input_size=(128, 64),
    epochs=14,
    batches_per_epoch=30,
    optimiser=Optimiser(name="adam", learning_rate=4e-3),
    schedule=Schedule(kind="cosine", warmup_epochs=1.0),
    augmentation=Augmentation(flip=0.5, erase=0.25),
)
"""Chosen for HashReID on a rendered set of another seed than the one that is reported."""


def between(demo: Recipe, *, growth: float = 1.5) -> Recipe:
    """Give the recipe of preset small, between demo and paper, from that of preset demo.

    115,200 images in 30 epochs; lengths in pixels grow by the factor ``growth``, and milestones move with the epochs.
    Rates, batch and warm-up stay as they are.
    """

    def grown(length: int) -> int:
        return round(growth * length)

    epochs, images = 30, 30 * 60 * 64
    milestones = tuple(round(epoch * epochs / demo.epochs) for epoch in demo.schedule.milestones)
    height, width = demo.input_size
    return replace(
        demo,
        input_size=(grown(height), grown(width)),
        resize=tuple(map(grown, demo.resize)),
        epochs=epochs,
        batches_per_epoch=images // epochs // demo.batch_size,
        schedule=replace(demo.schedule, milestones=milestones),
        augmentation=replace(demo.augmentation, pad=grown(demo.augmentation.pad)),
    )


SMALL = between(DEMO)
SMOKE = replace(DEMO, input_size=(64, 32), epochs=2, batches_per_epoch=3, identities_per_batch=4, images_per_identity=2)

SHARED_RECIPES = {"paper": PAPER, "small": SMALL, "demo": DEMO, "smoke": SMOKE}
"""By the name of the preset."""
