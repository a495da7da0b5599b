"""TriNet, and the ensemble of three that DaRe compares with. No torch at the top: listing methods loads this module."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from baselines.identity_losses import soft_margin_triplet
from bench.errors import BenchError
from bench.methods import WIDTHS, Method, Options, Preset
from bench.training import shared
from bench.training.recipe import Augmentation, Optimiser, Recipe, Schedule

if TYPE_CHECKING:
    from bench.networks import MultiExitNetwork

PAPER = "Hermans et al., In Defense of the Triplet Loss for Person Re-Identification, arXiv 1703.07737"

PAPER_RECIPE = Recipe(
    input_size=(256, 128),
    resize=(288, 144),
    epochs=100,
    batches_per_epoch=250,
    identities_per_batch=18,
    images_per_identity=4,
    optimiser=Optimiser(name="adam", learning_rate=3e-4),
    schedule=Schedule(kind="exponential", milestones=(60,), factor=0.001, later_betas=(0.5, 0.999)),
    augmentation=Augmentation(flip=0.5, erase=0.0),
)
"""VisualComputingInstitute/triplet-reid, market1501_train.sh: 25,000 batches, the rate falling from 15,000 on, counted
here as 100 epochs of 250. Adam's β1 falls to 0.5 then, as DaRe's paper says of it; that code leaves it at
0.9."""
DEMO_RECIPE = replace(
    PAPER_RECIPE,
    input_size=(128, 64),
    resize=(144, 72),
    epochs=14,
    batches_per_epoch=30,
    identities_per_batch=16,
    optimiser=Optimiser(name="adam", learning_rate=2e-3),
    schedule=Schedule(kind="exponential", milestones=(8,), factor=0.01, later_betas=(0.5, 0.999)),
)
"""The same schedule in minutes."""
SMALL_RECIPE = shared.between(DEMO_RECIPE)
SMOKE_RECIPE = replace(
    DEMO_RECIPE,
    input_size=shared.SMOKE.input_size,
    resize=(72, 36),
    epochs=2,
    batches_per_epoch=3,
    identities_per_batch=4,
    images_per_identity=2,
    schedule=Schedule(kind="exponential", milestones=(1,), factor=0.01, later_betas=(0.5, 0.999)),
)


def _build(options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)) -> MultiExitNetwork:
    from baselines.networks.trinet import TriNets
    from bench.encoders.build import build_encoder

    backbones, weights = str(options["backbone"]).split("+"), str(options["weights"])
    if len(backbones) > 1 and weights not in ("none", "imagenet"):
        raise BenchError(f"one file of weights cannot fill the {len(backbones)} networks: --weights none or imagenet")
    last_stride = int(options["last_stride"])
    encoders = [
        build_encoder(name, last_stride=last_stride, weights=weights, input_size=input_size) for name in backbones
    ]
    return TriNets(encoders, hidden=int(options["hidden"]), dim=int(options["dim"]))


def _presets(paper: str, small: str, demo: str, smoke: str, described: str) -> dict[str, Preset]:
    return {
        "paper": Preset(
            f"{described} from ImageNet at 256×128, the recipe of the paper",
            {"backbone": paper, "last_stride": 2, "hidden": 1024, "dim": 128, "weights": "imagenet"},
            PAPER_RECIPE,
        ),
        "small": Preset(
            f"{small} from scratch at 192×96: the recipe of preset demo, longer",
            {"backbone": small, "last_stride": 2, "hidden": 512, "dim": 128, "weights": "none"},
            SMALL_RECIPE,
        ),
        "demo": Preset(
            f"{demo} from scratch at 128×64: minutes on two cores",
            {"backbone": demo, "last_stride": 1, "hidden": 256, "dim": 128, "weights": "none"},
            DEMO_RECIPE,
        ),
        "smoke": Preset(
            "seconds, for tests: learns nothing",
            {"backbone": smoke, "last_stride": 2, "hidden": 64, "dim": 32, "weights": "none"},
            SMOKE_RECIPE,
        ),
    }


HEAD = {"hidden": WIDTHS, "dim": WIDTHS}

TRINET = Method(
    name="trinet",
    summary="TriNet: a ResNet-50 with 128 floats trained by triplets alone, one exit (continuous, Euclidean)",
    paper=PAPER,
    faithful="head and its start, batch-hard soft-margin triplets, recipe of preset paper",
    differs=(
        "torchvision's ResNet-50, whose bottlenecks have their stride on the 3×3 convolution, not the first one; one "
        "middle view by default, where the published numbers average ten (--views ten-crop)"
    ),
    presets=_presets("resnet50", "resnet50-half", "resnet14-half", "resnet10-quarter", "ResNet-50"),
    build=_build,
    loss=soft_margin_triplet,
    option_ranges=HEAD,
    groups=("static",),
)

RESNET_ENSEMBLE = Method(
    name="resnet-ensemble",
    summary="the anytime ensemble: TriNets on ResNet-18, -34 and -50, one after the other (continuous, Euclidean)",
    paper="Wang et al., Resource Aware Person Re-identification across Multiple Resolutions, CVPR 2018, section 5.3.1",
    faithful="three separate networks of TriNet's loss and head, run from small to large; each trained as if alone",
    differs="TriNet's recipe, for DaRe does not print one; the networks see the same batches",
    presets=_presets(
        "resnet18+resnet34+resnet50",
        "resnet18-half+resnet34-half+resnet50-half",
        "resnet10-quarter+resnet10-half+resnet14-half",
        "resnet10-quarter+resnet10-quarter",
        "ResNet-18, -34 and -50",
    ),
    build=_build,
    loss=soft_margin_triplet,
    option_ranges=HEAD,
)
