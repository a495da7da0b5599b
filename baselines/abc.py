"""ABC as a method of the suite. No torch at the top: listing methods loads this module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from baselines.number_lists import whole_numbers
from bench.methods import MARGINS, WEIGHTS, Method, Options, Preset
from bench.training import shared
from bench.training.recipe import Augmentation, Optimiser, Recipe, Schedule

if TYPE_CHECKING:
    from torch import Tensor

    from bench.networks import ExitOutput, MultiExitNetwork

PAPER_RECIPE = Recipe(
    input_size=(256, 128),
    epochs=90,
    batches_per_epoch=200,
    identities_per_batch=16,
    images_per_identity=4,
    optimiser=Optimiser(name="adam", learning_rate=3e-4),
    schedule=Schedule(kind="step", milestones=(30, 40, 60), factor=0.5),
    augmentation=Augmentation(flip=0.5, erase=0.0),
)
"""18,000 batches of 64, as in the authors' code, counted as 90 epochs of 200. The rate is halved where that code has a
half, a quarter and a tenth of it; its optimisers and rates are others."""
DEMO_RECIPE = replace(
    PAPER_RECIPE,
    input_size=(128, 64),
    epochs=14,
    batches_per_epoch=30,
    optimiser=Optimiser(name="adam", learning_rate=2e-3),
    schedule=Schedule(kind="step", milestones=(8, 10, 12), factor=0.5, warmup_epochs=1.0),
)
"""The same schedule in minutes."""
SMALL_RECIPE = shared.between(DEMO_RECIPE)
SMOKE_RECIPE = replace(
    DEMO_RECIPE,
    input_size=shared.SMOKE.input_size,
    epochs=2,
    batches_per_epoch=3,
    identities_per_batch=4,
    images_per_identity=2,
    schedule=Schedule(kind="step", milestones=(1,), factor=0.5),
)

OPTIONS: Options = {
    "identity_share": 0.11,
    "margin": 0.2,
    "last_margin": 0.5,
    "adversarial_weight": 1.0,
    "hidden": "512,128",
    "last_stride": 2,
}
"""Of the authors' code: 2,000 of 18,000 batches classify, the margin rises from 0.2 to 0.5, and the critic's layers."""
FROM_SCRATCH: Options = {**OPTIONS, "identity_share": 0.5}
"""No pretrained weights know people: identities are classified for longer. Held-out identities did not choose it."""


def _build(options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)) -> MultiExitNetwork:
    from baselines.networks.abc import ABC
    from bench.encoders.build import encoder_of

    first, second = whole_numbers("hidden", options["hidden"], count=2)
    return ABC(
        encoder_of(options, input_size),
        num_identities,
        bits=int(options["bits"]),
        hidden=(first, second),
        identity_share=float(options["identity_share"]),
    )


def abc_loss(outputs: Sequence[ExitOutput], labels: Tensor, options: Options) -> dict[str, Tensor]:
    """Batch-hard triplets of the features, the critic's loss, and in the first part of training cross-entropy.

    The margin of the triplets rises evenly from ``margin`` to ``last_margin``.
    """
    import torch.nn.functional as F

    from bench.losses import batch_hard_triplet

    (output,) = outputs
    extras = output.extras
    first, last = float(options["margin"]), float(options["last_margin"])
    return {
        "identity": extras["classifying"] * F.cross_entropy(extras["logits"], labels),
        "triplet": batch_hard_triplet(output.embedding, labels, first + (last - first) * extras["progress"]),
        "adversarial": float(options["adversarial_weight"]) * extras["adversarial"],
    }


ABC = Method(
    name="abc",
    summary="ABC: features of a ResNet-50 that a critic draws to random codes, one exit (binary codes, Hamming)",
    paper="Liu et al., Adversarial Binary Coding for Efficient Person Re-identification, ICME 2019",
    faithful="linear layer and batch norm on a ResNet-50, as in the authors' code for other lengths than 2,048 bits, "
    "features of length 1, triplets with a rising margin, a Wasserstein critic with clipped weights against codes of "
    "random bits, zeros as likely as ones",
    differs="with 2,048 bits the authors' code has no linear layer: the trunk's pooled features are what is coded; its "
    "stem has no pooling, on images of 128×64, so that later maps are as large as here; features and critic take every "
    "step together, with the gradient turned round between them, by one Adam at one rate without weight decay (that "
    "code trains the critic five steps to one, twenty rounds in every forty batches, by SGD at rates of their own); "
    "the critic has leaky rectifiers and no biases; triplets are batch-hard, and are there from the start, where that "
    "code classifies alone; their margin rises evenly (there: in steps); a 1 of a code is √(2/bits), which gives codes "
    "the features' length (there: 2/√bits); presets from scratch classify identities for half of the training. Scores "
    "that the authors' code prints are not by Market-1501's protocol",
    presets={
        "paper": Preset(
            "ResNet-50 from ImageNet at 256×128, 2048 bits, as many batches as in the authors' code",
            {**OPTIONS, "bits": 2048, "backbone": "resnet50", "weights": "imagenet"},
            PAPER_RECIPE,
        ),
        "small": Preset(
            "ResNet-50 of half width from scratch at 192×96: the recipe of preset demo, longer",
            {**FROM_SCRATCH, "bits": 1024, "backbone": "resnet50-half", "weights": "none"},
            SMALL_RECIPE,
        ),
        "demo": Preset(
            "ResNet-14 of half width from scratch at 128×64: minutes on two cores",
            {**FROM_SCRATCH, "bits": 256, "backbone": "resnet14-half", "weights": "none"},
            DEMO_RECIPE,
        ),
        "smoke": Preset(
            "seconds, for tests: learns nothing",
            {**FROM_SCRATCH, "bits": 64, "hidden": "32,16", "backbone": "resnet10-quarter", "weights": "none"},
            SMOKE_RECIPE,
        ),
    },
    build=_build,
    option_ranges={
        "bits": (8, 65536),
        "adversarial_weight": WEIGHTS,
        "margin": MARGINS,
        "last_margin": MARGINS,
    },
    loss=abc_loss,
    groups=("static", "hashing"),
)
