"""OSNet in four widths as methods of the suite. No torch at the top: listing methods loads this module."""

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
    input_size=(256, 128),
    epochs=150,
    identities_per_batch=64,
    images_per_identity=1,
    optimiser=Optimiser(name="amsgrad", learning_rate=1.5e-3, weight_decay=5e-4),
    schedule=Schedule(kind="step", milestones=(60, 120), factor=0.1),
    augmentation=Augmentation(flip=0.5, erase=0.0),
)
"""KaiyangZhou/deep-person-reid, configs/im_osnet_x1_0_softmax_256x128_amsgrad.yaml, and that of ×0.75.

Its ``single_step`` with a ``stepsize`` of 60 is a fall every 60 epochs.
"""
NARROW_RECIPE = replace(
    PAPER_RECIPE,
    epochs=180,
    identities_per_batch=128,
    optimiser=Optimiser(name="amsgrad", learning_rate=3e-3, weight_decay=5e-4),
    schedule=Schedule(kind="step", milestones=(80, 160), factor=0.1),
)
"""The same repository's for ×0.5 and ×0.25: longer, with twice the batch and rate, and a fall every 80 epochs."""
DEMO_RECIPE = replace(
    PAPER_RECIPE,
    input_size=(128, 64),
    epochs=14,
    batches_per_epoch=30,
    schedule=Schedule(kind="step", milestones=(10,), factor=0.1),
)
"""Minutes, for all widths alike: the rate falls once."""
SMALL_RECIPE = shared.between(DEMO_RECIPE)
SMOKE_RECIPE = replace(
    DEMO_RECIPE,
    input_size=shared.SMOKE.input_size,
    epochs=2,
    batches_per_epoch=3,
    identities_per_batch=8,
    schedule=Schedule(kind="step", milestones=(1,), factor=0.1),
)

OPTIONS: Options = {
    "label_smoothing": 0.1,
    "triplet_weight": 0.0,
    "margin": 0.3,
    "early_exits": False,
    "weights": "none",
}
SMALL_WIDTH, DEMO_WIDTH = 0.75, 0.5
"""Widths of presets small and demo, relative to that of preset paper."""


def _build(options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)) -> MultiExitNetwork:
    from baselines.networks.lite import check_room
    from baselines.networks.osnet import OSNet, fill_from_public

    check_room(input_size)
    network = OSNet(
        num_identities,
        width=float(options["width"]),
        dim=int(options["dim"]),
        gate_reduction=int(options["gate_reduction"]),
        early_exits=bool(options["early_exits"]),
    )
    fill_from_public(network, str(options["weights"]))
    return network


def _method(name: str, width: float, recipe: Recipe) -> Method:
    return Method(
        name=name,
        summary=f"OSNet ×{width:g}: lite streams of several receptive fields, one exit (continuous, Euclidean)",
        paper="Zhou et al., Omni-Scale Feature Learning for Person Re-Identification, ICCV 2019",
        faithful="blocks, gates, head, loss, recipe of preset paper; --weights takes its repository's checkpoints",
        differs=(
            "from scratch by default, for its ImageNet weights come as a file (--weights FILE), and then without the "
            "ten epochs of training the classifier alone; the recipe is the official one for those weights, where the "
            "paper trains from scratch by SGD, for longer; every image of a batch shows another identity, where the "
            "official code draws images at random; early_exits=true is a variant of this suite"
        ),
        presets={
            "paper": Preset(
                "the official network at 256×128, from scratch (--weights FILE takes its checkpoints)",
                {**OPTIONS, "width": width, "dim": 512, "gate_reduction": 16},
                recipe,
            ),
            "small": Preset(
                "three quarters of the width from scratch at 192×96: the recipe of preset demo, longer",
                {**OPTIONS, "width": width * SMALL_WIDTH, "dim": 384, "gate_reduction": 12},
                SMALL_RECIPE,
            ),
            "demo": Preset(
                "half the width from scratch at 128×64: minutes on two cores",
                {**OPTIONS, "width": width * DEMO_WIDTH, "dim": 256, "gate_reduction": 8},
                DEMO_RECIPE,
            ),
            "smoke": Preset(
                "seconds, for tests: learns nothing",
                {**OPTIONS, "width": 0.125, "dim": 32, "gate_reduction": 2},
                SMOKE_RECIPE,
            ),
        },
        build=_build,
        option_ranges={**RANGES, "gate_reduction": (1, 1024), "dim": WIDTHS},
        loss=identity_and_triplet,
        groups=("static",),
    )


OSNET = _method("osnet", 1.0, PAPER_RECIPE)
OSNET_X075 = _method("osnet-x0.75", 0.75, PAPER_RECIPE)
OSNET_X05 = _method("osnet-x0.5", 0.5, NARROW_RECIPE)
OSNET_X025 = _method("osnet-x0.25", 0.25, NARROW_RECIPE)
