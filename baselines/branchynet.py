"""BranchyNet as a method of the suite. No torch at the top: listing methods loads this module."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from baselines.exit_losses import CLASSIFICATION_AND_TRIPLET, RANGES, classification_and_triplet
from bench.methods import Method, Options, Preset
from bench.training import shared
from bench.training.recipe import Augmentation, Optimiser, Recipe

if TYPE_CHECKING:
    from bench.encoders.encoder import Encoder
    from bench.networks import MultiExitNetwork

OPTIONS: Options = {**CLASSIFICATION_AND_TRIPLET, "branch": "strided"}

PAPER_RECIPE = Recipe(
    input_size=(256, 128),
    epochs=100,
    identities_per_batch=16,
    images_per_identity=4,
    optimiser=Optimiser(name="adam", learning_rate=1e-3, weight_decay=1e-4),
    augmentation=Augmentation(flip=0.5, erase=0.0),
)
"""The official code: Adam at 0.001 throughout, weight decay 1e-4, batches of 64, 100 epochs."""
DEMO_RECIPE = replace(PAPER_RECIPE, input_size=(128, 64), epochs=14, batches_per_epoch=30)
SMALL_RECIPE = shared.between(DEMO_RECIPE)
SMOKE_RECIPE = replace(
    DEMO_RECIPE,
    input_size=shared.SMOKE.input_size,
    epochs=2,
    batches_per_epoch=3,
    identities_per_batch=4,
    images_per_identity=2,
)


def _build(options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)) -> MultiExitNetwork:
    from bench.encoders.build import encoder_of

    return _on_encoder(encoder_of(options, input_size), options, num_identities, input_size)


def _on_encoder(
    encoder: Encoder, options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)
) -> MultiExitNetwork:
    from baselines.networks.branchynet import BranchyNet

    return BranchyNet(encoder, num_identities, input_size, branch=str(options["branch"]))


BRANCHYNET = Method(
    name="branchynet",
    summary="BranchyNet: a ResNet with two side branches, embedded as whole maps (continuous, Euclidean)",
    paper="Teerapittayanon et al., BranchyNet: Fast Inference via Early Exiting from Deep Neural Networks, ICPR 2016",
    faithful="convolutional branches flattened without pooling, joint loss over the exits, entropy as a policy",
    differs=(
        "on a ResNet-50, as HashReID compares it: where the branches are and how they come to their lengths is deduced "
        "from the lengths it prints; a triplet loss beside the cross-entropy (--set triplet_weight=0 leaves it out); "
        "branches and trunk are trained together from the start, all exits weighted alike; batch norm in the branches "
        "and before the classifiers"
    ),
    presets={
        "paper": Preset(
            "ResNet-50 from ImageNet at 256×128: embeddings of 14,880, 13,440 and 2,048",
            {**OPTIONS, "backbone": "resnet50", "last_stride": 2, "weights": "imagenet"},
            PAPER_RECIPE,
        ),
        "small": Preset(
            "ResNet-50 of half width from scratch at 192×96: the recipe of preset demo, longer",
            {**OPTIONS, "backbone": "resnet50-half", "last_stride": 2, "weights": "none"},
            SMALL_RECIPE,
        ),
        "demo": Preset(
            "ResNet-14 of half width from scratch at 128×64: minutes on two cores",
            {**OPTIONS, "backbone": "resnet14-half", "last_stride": 1, "weights": "none"},
            DEMO_RECIPE,
        ),
        "smoke": Preset(
            "seconds, for tests: learns nothing",
            {**OPTIONS, "backbone": "resnet10-quarter", "last_stride": 2, "weights": "none"},
            SMOKE_RECIPE,
        ),
    },
    build=_build,
    on_encoder=_on_encoder,
    loss=classification_and_triplet,
    option_ranges=RANGES,
)
