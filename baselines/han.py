"""HAN in three sizes as methods of the suite. No torch at the top: listing methods loads this module."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from baselines.identity_losses import RANGES, identity_and_triplet
from baselines.number_lists import whole_numbers
from bench.methods import WIDTHS, Method, Options, Preset
from bench.training import shared
from bench.training.recipe import Augmentation, Optimiser, Recipe, Schedule

if TYPE_CHECKING:
    from bench.networks import MultiExitNetwork

PAPER_RECIPE = Recipe(
    input_size=(160, 64),
    epochs=300,
    identities_per_batch=32,
    images_per_identity=1,
    optimiser=Optimiser(name="sgd", learning_rate=0.03, weight_decay=5e-4, momentum=0.9),
    schedule=Schedule(kind="step", milestones=(100, 200, 250), factor=0.1),
    augmentation=Augmentation(flip=0.0, erase=0.0),
)
"""Section 4, implementation details."""
DEMO_RECIPE = replace(
    PAPER_RECIPE,
    epochs=14,
    batches_per_epoch=60,
    schedule=Schedule(kind="step", milestones=(9, 12), factor=0.1),
)
"""Minutes: the rate falls twice, late."""
SMALL_RECIPE = shared.between(DEMO_RECIPE, growth=1)
SMOKE_RECIPE = replace(
    DEMO_RECIPE,
    input_size=(80, 32),
    epochs=2,
    batches_per_epoch=3,
    identities_per_batch=8,
    schedule=Schedule(kind="step", milestones=(1,), factor=0.1),
)

OPTIONS: Options = {
    "label_smoothing": 0.0,
    "triplet_weight": 0.0,
    "margin": 0.3,
    "soft_spatial": True,
    "soft_channel": True,
    "hard_regions": True,
    "cross_attention": True,
    "fused_levels": "2,3",
    "early_exits": False,
}


def _build(options: Options, num_identities: int, input_size: tuple[int, int] = (160, 64)) -> MultiExitNetwork:
    from baselines.networks.han import HAN

    fused = str(options["fused_levels"])
    return HAN(
        num_identities,
        strides=whole_numbers("strides", options["strides"], count=3),
        width=int(options["width"]),
        dim=int(options["dim"]),
        spatial=bool(options["soft_spatial"]),
        channel=bool(options["soft_channel"]),
        regions=bool(options["hard_regions"]),
        cross=bool(options["cross_attention"]),
        fused=whole_numbers("fused_levels", fused, count=fused.count(",") + 1),
        early_exits=bool(options["early_exits"]),
    )


def _method(name: str, size: str, strides: str, millions: int) -> Method:
    return Method(
        name=name,
        summary=f"HAN ({size}): a light network with soft and hard attention, one exit (continuous, Euclidean)",
        paper="Li et al., Scalable Person Re-Identification by Harmonious Attention, IJCV 2020",
        faithful="input, widths, strides, attention at three levels, cross-attention, losses, recipe of preset paper",
        differs=(
            "reconstructed: the text does not settle the units, and this is the reading whose cost comes within 1 % of "
            f"the {millions} M multiply-adds that it prints (local units of stride 1 with the depthwise layer first, "
            "no 1×1 convolution in the first level's soft attention; fused_levels=1,2,3 adds it); a batch shows 32 "
            "different identities, where the paper draws images at random; early_exits=true is a variant of this suite"
        ),
        presets={
            "paper": Preset(
                "the network and recipe of the paper at 160×64, from scratch",
                {**OPTIONS, "strides": strides, "width": 128, "dim": 512},
                PAPER_RECIPE,
            ),
            "small": Preset(
                "five eighths of the width at 160×64: the recipe of preset demo, longer",
                {**OPTIONS, "strides": strides, "width": 80, "dim": 256},
                SMALL_RECIPE,
            ),
            "demo": Preset(
                "five sixteenths of the width at 160×64: minutes on two cores",
                {**OPTIONS, "strides": strides, "width": 40, "dim": 128},
                DEMO_RECIPE,
            ),
            "smoke": Preset(
                "seconds, for tests: learns nothing",
                {**OPTIONS, "strides": strides, "width": 8, "dim": 16},
                SMOKE_RECIPE,
            ),
        },
        build=_build,
        option_ranges={**RANGES, "width": (4, 4096), "dim": WIDTHS},
        loss=identity_and_triplet,
        groups=("static",),
    )


HAN_S = _method("han-s", "small", "2,1,1", 368)
HAN_M = _method("han-m", "medium", "1,2,1", 533)
HAN_L = _method("han-l", "large", "1,1,2", 701)
