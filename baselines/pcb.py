"""PCB as a method of the suite. No torch at the top: listing methods loads this module."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from baselines.identity_losses import RANGES, identity_and_triplet
from bench.methods import WIDTHS, Method, Options, Preset
from bench.training import shared
from bench.training.recipe import Augmentation, Optimiser, Recipe, Schedule

if TYPE_CHECKING:
    from bench.networks import MultiExitNetwork

PAPER_RECIPE = Recipe(
    input_size=(384, 128),
    epochs=60,
    identities_per_batch=64,
    images_per_identity=1,
    optimiser=Optimiser(name="sgd", learning_rate=0.03, weight_decay=5e-4, momentum=0.9),
    schedule=Schedule(kind="step", milestones=(40,), factor=0.1),
    augmentation=Augmentation(flip=0.5, erase=0.0),
)
"""syfafterzy/PCB_RPP_for_reID, train_PCB.sh; there the trunk learns at 0.01 and the new layers at 0.1."""
DEMO_RECIPE = replace(
    PAPER_RECIPE,
    input_size=(192, 64),
    epochs=12,
    batches_per_epoch=30,
    schedule=Schedule(kind="step", milestones=(8,), factor=0.1),
)
"""The same schedule in minutes."""
SMALL_RECIPE = shared.between(DEMO_RECIPE)
SMOKE_RECIPE = replace(
    DEMO_RECIPE,
    input_size=(96, 32),
    epochs=2,
    batches_per_epoch=3,
    identities_per_batch=8,
    optimiser=Optimiser(name="sgd", learning_rate=0.01, weight_decay=5e-4, momentum=0.9),
    schedule=Schedule(kind="step", milestones=(1,), factor=0.1),
)

STRIPES: Options = {"refined_pooling": False, "refine_from": 0.8}
"""Without refined part pooling; with it, the share of training that has stripes."""
OPTIONS: Options = {
    "label_smoothing": 0.0,
    "triplet_weight": 0.0,
    "margin": 0.3,
    "last_stride": 1,
    "stripes": 6,
    "embedding": "g",
    **STRIPES,
}


def _build(options: Options, num_identities: int, input_size: tuple[int, int] = (384, 128)) -> MultiExitNetwork:
    from baselines.networks.pcb import PartNetwork
    from bench.encoders.build import encoder_of

    encoder = encoder_of(options, input_size)
    refine_from = float(options.get("refine_from", 1))  # runs that were kept before the option existed have stripes
    return PartNetwork(
        encoder,
        num_identities,
        stripes=int(options["stripes"]),
        dim=int(options["dim"]),
        embedding=str(options["embedding"]),
        refine_from=refine_from if options.get("refined_pooling", False) else 1.0,
    )


PCB = Method(
    name="pcb",
    summary="PCB: the last maps of a ResNet-50 in six stripes, one exit of 12,288 floats (continuous, cosine)",
    paper="Sun et al., Beyond Part Models: Person Retrieval with Refined Part Pooling, ECCV 2018",
    faithful="input of 384×128, stripes, their common reduction, six classifiers, concatenated stripes as embedding",
    differs=(
        "refined part pooling is a switch (refined_pooling=true), learned at the end of the one training, on one "
        "device; one learning rate of 0.03 for trunk and new layers, where the paper has 0.01 and 0.1; SGD's momentum "
        "is not Nesterov's; a batch shows 64 different identities"
    ),
    presets={
        "paper": Preset(
            "ResNet-50 from ImageNet at 384×128",
            {**OPTIONS, "backbone": "resnet50", "dim": 256, "weights": "imagenet"},
            PAPER_RECIPE,
        ),
        "small": Preset(
            "ResNet-50 of half width from scratch at 288×96: the recipe of preset demo, longer",
            {**OPTIONS, "backbone": "resnet50-half", "dim": 128, "weights": "none"},
            SMALL_RECIPE,
        ),
        "demo": Preset(
            "ResNet-14 of half width from scratch at 192×64: minutes on two cores",
            {**OPTIONS, "backbone": "resnet14-half", "dim": 128, "weights": "none"},
            DEMO_RECIPE,
        ),
        "smoke": Preset(
            "seconds, for tests: learns nothing",
            {**OPTIONS, "backbone": "resnet10-quarter", "dim": 32, "weights": "none"},
            SMOKE_RECIPE,
        ),
    },
    build=_build,
    option_defaults=STRIPES,
    option_ranges={**RANGES, "stripes": (1, 256), "dim": WIDTHS},
    loss=identity_and_triplet,
    groups=("static",),
)
