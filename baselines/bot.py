"""BoT ("Bag of tricks") on three ResNets: one recipe, three sizes. No torch at the top: listing methods loads this."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from baselines.identity_losses import RANGES, identity_and_triplet
from bench.errors import BenchError
from bench.methods import Method, Options, Preset
from bench.training import shared
from bench.training.recipe import Augmentation, Optimiser, Recipe, Schedule

if TYPE_CHECKING:
    from bench.networks import MultiExitNetwork

PAPER_RECIPE = Recipe(
    input_size=(256, 128),
    epochs=120,
    identities_per_batch=16,
    images_per_identity=4,
    optimiser=Optimiser(name="adam", learning_rate=3.5e-4, weight_decay=5e-4),
    schedule=Schedule(kind="step", milestones=(40, 70), factor=0.1, warmup_epochs=10.0),
    augmentation=Augmentation(flip=0.5, erase=0.5, pad=10),
)
"""Section 3 of the paper, and configs/softmax_triplet_with_center.yml of its repository."""
DEMO_RECIPE = replace(
    PAPER_RECIPE,
    input_size=(128, 64),
    epochs=14,
    batches_per_epoch=30,
    optimiser=Optimiser(name="adam", learning_rate=2e-3, weight_decay=5e-4),
    schedule=Schedule(kind="step", milestones=(8, 12), factor=0.1, warmup_epochs=1.0),
    augmentation=Augmentation(flip=0.5, erase=0.25, pad=5),
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
)

WITH_NECK: Options = {"neck": True}
LOSS: Options = {**WITH_NECK, "label_smoothing": 0.1, "triplet_weight": 1.0, "margin": 0.3}


def _build(options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)) -> MultiExitNetwork:
    from baselines.networks.bot import BoT, fill_from_public, is_public
    from bench.encoders.build import encoder_of

    weights = str(options["weights"])
    public = is_public(weights)
    encoder = encoder_of({**options, "weights": "none" if public else weights}, input_size)
    neck = bool(options.get("neck", True))  # runs that were kept before the option existed have a neck
    if public and not neck:
        raise BenchError(f"weights {weights} are of a network with a neck: leave out neck=false")
    network = BoT(encoder, num_identities, centres=float(options["centre_weight"]) > 0, neck=neck)
    if public:
        fill_from_public(network, weights)
    return network


def _method(name: str, paper: str, small: str, demo: str, described: str) -> Method:
    return Method(
        name=name,
        summary=f"the strong baseline on a {described}: batch-norm neck, one exit (continuous, cosine)",
        paper="Luo et al., Bag of Tricks and A Strong Baseline for Deep Person Re-identification, CVPR Workshops 2019",
        faithful="neck, last stride 1, losses, embedding after the neck, recipe of preset paper; --weights takes its "
        "repository's checkpoints, and fast-reid's",
        differs="the centres of the centre loss are learned by the same Adam as all else, not by SGD at 0.5; erased "
        "rectangles have the mean colour; preset demo has no centre loss, for its few batches move no centre",
        presets={
            "paper": Preset(
                f"{described} from ImageNet at 256×128, the paper's recipe",
                {**LOSS, "centre_weight": 0.0005, "backbone": paper, "last_stride": 1, "weights": "imagenet"},
                PAPER_RECIPE,
            ),
            "small": Preset(
                f"{small} from scratch at 192×96: the recipe of preset demo, longer",
                {**LOSS, "centre_weight": 0.0, "backbone": small, "last_stride": 1, "weights": "none"},
                SMALL_RECIPE,
            ),
            "demo": Preset(
                f"{demo} from scratch at 128×64: minutes on two cores",
                {**LOSS, "centre_weight": 0.0, "backbone": demo, "last_stride": 1, "weights": "none"},
                DEMO_RECIPE,
            ),
            "smoke": Preset(
                "seconds, for tests: learns nothing",
                {**LOSS, "centre_weight": 0.0005, "backbone": "resnet10-quarter", "last_stride": 1, "weights": "none"},
                SMOKE_RECIPE,
            ),
        },
        build=_build,
        loss=identity_and_triplet,
        option_ranges=RANGES,
        option_defaults=WITH_NECK,
        groups=("static",),
    )


BOT = _method("bot", "resnet50", "resnet50-half", "resnet14-half", "ResNet-50")
BOT_R34 = _method("bot-r34", "resnet34", "resnet34-half", "resnet10-half", "ResNet-34")
BOT_R18 = _method("bot-r18", "resnet18", "resnet18-half", "resnet10-quarter", "ResNet-18")
