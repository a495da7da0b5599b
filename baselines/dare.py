"""DaRe as a method of the suite, on ResNet-50 and DenseNet-201. No torch at the top: listing methods loads this."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from baselines.exit_losses import soft_margin_triplets
from bench.methods import WIDTHS, Method, Options, Preset
from bench.training import shared
from bench.training.recipe import Augmentation, Optimiser, Recipe, Schedule

if TYPE_CHECKING:
    from bench.encoders.encoder import Encoder
    from bench.networks import MultiExitNetwork

PAPER = "Wang et al., Resource Aware Person Re-identification across Multiple Resolutions, CVPR 2018"

PAPER_RECIPE = Recipe(
    input_size=(256, 128),
    resize=(288, 144),
    epochs=100,
    batches_per_epoch=600,
    identities_per_batch=18,
    images_per_identity=4,
    optimiser=Optimiser(name="adam", learning_rate=3e-4, weight_decay=1e-4),
    schedule=Schedule(kind="exponential", milestones=(50,), factor=0.001, later_betas=(0.5, 0.999)),
    augmentation=Augmentation(flip=0.5, erase=0.5, erase_area=(0.02, 0.2), erase_with="noise"),
)
"""The official training script: 60,000 batches, counted here as 100 epochs of 600."""
DEMO_RECIPE = replace(
    PAPER_RECIPE,
    input_size=(128, 64),
    resize=(144, 72),
    epochs=14,
    batches_per_epoch=30,
    identities_per_batch=16,
    optimiser=Optimiser(name="adam", learning_rate=2e-3, weight_decay=1e-4),
    schedule=Schedule(kind="exponential", milestones=(7,), factor=0.01, later_betas=(0.5, 0.999)),
)
"""The same schedule in minutes; learning rates were chosen on a rendered set of another seed than the reported one."""
SMALL_RECIPE = shared.between(DEMO_RECIPE)
SMOKE_RECIPE = replace(
    DEMO_RECIPE,
    input_size=(64, 32),
    resize=(72, 36),
    epochs=2,
    batches_per_epoch=3,
    identities_per_batch=4,
    images_per_identity=2,
    schedule=Schedule(kind="exponential", milestones=(1,), factor=0.01, later_betas=(0.5, 0.999)),
)


SUPERVISED: Options = {"deep_supervision": True}
"""The losses of the stages: off, the fusion's alone is left (the paper's Figure 4)."""


def _build(options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)) -> MultiExitNetwork:
    from bench.encoders.build import encoder_of

    return _on_encoder(encoder_of(options, input_size), options, num_identities, input_size)


def _on_encoder(
    encoder: Encoder, options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)
) -> MultiExitNetwork:
    from baselines.networks.dare import DaRe

    return DaRe(encoder, hidden=int(options["hidden"]), dim=int(options["dim"]))


def _presets(paper: str, small: str, demo: str, smoke: str) -> dict[str, Preset]:
    narrow: Options = {"hidden": 256, "dim": 128, "weights": "none", **SUPERVISED}
    return {
        "paper": Preset(
            f"{paper} from ImageNet at 256×128, the official recipe",
            {"backbone": paper, "last_stride": 2, "hidden": 1024, "dim": 128, "weights": "imagenet", **SUPERVISED},
            PAPER_RECIPE,
        ),
        "small": Preset(
            f"{small} from scratch at 192×96, heads of 512 hidden units: the recipe of preset demo, longer",
            {"backbone": small, "last_stride": 2, **narrow, "hidden": 512},
            SMALL_RECIPE,
        ),
        "demo": Preset(
            f"{demo} from scratch at 128×64, heads of 256 hidden units: minutes on two cores",
            {"backbone": demo, "last_stride": 1, **narrow},
            DEMO_RECIPE,
        ),
        "smoke": Preset(
            "seconds, for tests: learns nothing", {"backbone": smoke, "last_stride": 2, **narrow}, SMOKE_RECIPE
        ),
    }


FAITHFUL = (
    "heads, fusion as the last exit, soft-margin batch-hard triplets on five outputs, recipe of preset paper; the "
    "fourth stage's own embedding is scored beside the exits on request (--extras), and deep supervision can be "
    "switched off (deep_supervision=false)"
)
DIFFERS = (
    "one middle view of each image by default, where the published numbers average ten crops (--views ten-crop); "
    "batches are drawn an epoch at a time, not by eight workers of their own"
)

HEADS = {"hidden": WIDTHS, "dim": WIDTHS}

DARE = Method(
    name="dare",
    summary="DaRe(R): a ResNet with an embedding after every stage, the last fused of all (continuous, Euclidean)",
    paper=PAPER,
    faithful=FAITHFUL,
    differs=DIFFERS,
    presets=_presets("resnet50", "resnet50-half", "resnet14-half", "resnet10-quarter"),
    build=_build,
    on_encoder=_on_encoder,
    loss=soft_margin_triplets,
    option_ranges=HEADS,
    option_defaults=SUPERVISED,
)

DARE_DENSENET = Method(
    name="dare-densenet",
    summary="DaRe(De): the same on a DenseNet, whose maps each exit normalises for itself",
    paper=PAPER,
    faithful=FAITHFUL,
    differs=DIFFERS,
    presets=_presets("densenet201", "densenet121-half", "densenet26-thin", "densenet18-thin"),
    build=_build,
    on_encoder=_on_encoder,
    loss=soft_margin_triplets,
    option_ranges=HEADS,
    option_defaults=SUPERVISED,
)
