"""MLFN as a method of the suite. No torch at the top: listing methods loads this module."""

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
    input_size=(256, 128),
    epochs=60,
    identities_per_batch=32,
    images_per_identity=1,
    optimiser=Optimiser(name="amsgrad", learning_rate=3e-4, weight_decay=5e-4),
    schedule=Schedule(kind="step", milestones=(20, 40), factor=0.1),
    augmentation=Augmentation(flip=0.5, erase=0.0, pad=8),
)
"""KaiyangZhou/deep-person-reid, the settings of its ResNets: its zoo prints none for MLFN."""
DEMO_RECIPE = replace(
    PAPER_RECIPE,
    input_size=(128, 64),
    epochs=14,
    batches_per_epoch=30,
    identities_per_batch=64,
    optimiser=Optimiser(name="amsgrad", learning_rate=1.5e-3, weight_decay=5e-4),
    schedule=Schedule(kind="step", milestones=(10,), factor=0.1),
    augmentation=Augmentation(flip=0.5, erase=0.0, pad=4),
)
"""The same schedule in minutes."""
SMALL_RECIPE = shared.between(DEMO_RECIPE)
SMOKE_RECIPE = replace(
    DEMO_RECIPE,
    input_size=shared.SMOKE.input_size,
    epochs=2,
    batches_per_epoch=3,
    identities_per_batch=8,
    schedule=Schedule(kind="step", milestones=(1,), factor=0.1),
)

OPTIONS: Options = {"label_smoothing": 0.1, "triplet_weight": 0.0, "margin": 0.3, "weights": "none"}


def _build(options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)) -> MultiExitNetwork:
    from baselines.networks.mlfn import FactorNetwork, fill_from_public

    network = FactorNetwork(
        num_identities,
        width=int(options["width"]),
        blocks=whole_numbers("blocks", options["blocks"], count=4),
        factors=int(options["factors"]),
        dim=int(options["dim"]),
    )
    fill_from_public(network, str(options["weights"]))
    return network


MLFN = Method(
    name="mlfn",
    summary="MLFN: blocks of 32 factors, whose gates join the embedding, one exit (continuous, Euclidean)",
    paper="Chang et al., Multi-Level Factorisation Net for Person Re-Identification, CVPR 2018",
    faithful="blocks, gates and embedding as in KaiyangZhou/deep-person-reid, whose checkpoints --weights takes",
    differs=(
        "from scratch by default, for its ImageNet weights come as a file; the recipe is that repository's default; "
        "crops are cut from a border of black pixels, not from an enlarged image; a batch shows different identities"
    ),
    presets={
        "paper": Preset(
            "the published network at 256×128, from scratch (--weights FILE takes its checkpoints)",
            {**OPTIONS, "width": 64, "blocks": "3,4,6,3", "factors": 32, "dim": 1024},
            PAPER_RECIPE,
        ),
        "small": Preset(
            "half the width from scratch at 192×96: the recipe of preset demo, longer",
            {**OPTIONS, "width": 32, "blocks": "3,4,6,3", "factors": 16, "dim": 512},
            SMALL_RECIPE,
        ),
        "demo": Preset(
            "a quarter of the width and half the blocks from scratch at 128×64: minutes on two cores",
            {**OPTIONS, "width": 16, "blocks": "2,2,3,2", "factors": 16, "dim": 256},
            DEMO_RECIPE,
        ),
        "smoke": Preset(
            "seconds, for tests: learns nothing",
            {**OPTIONS, "width": 8, "blocks": "1,1,1,1", "factors": 8, "dim": 32},
            SMOKE_RECIPE,
        ),
    },
    build=_build,
    option_ranges={**RANGES, "width": (1, 1024), "factors": (1, 1024), "dim": WIDTHS},
    loss=identity_and_triplet,
    groups=("static",),
)
