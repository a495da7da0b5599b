"""MSDNet as a method of the suite. No torch at the top: listing methods loads this module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baselines.exit_losses import CLASSIFICATION_AND_TRIPLET, RANGES, classification_and_triplet
from baselines.imagenet_recipe import DEMO_RECIPE, PAPER_RECIPE, SMALL_RECIPE, SMOKE_RECIPE
from bench.methods import Method, Options, Preset

if TYPE_CHECKING:
    from bench.networks import MultiExitNetwork

NETWORK: Options = {"base": 4, "step": 4, "blocks": 5, "exits": 4, "embed_at": "head", "weights": "none"}
"""Layers of the first block and of each later one, blocks of the whole network, and exits that are kept."""


def _build(options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)) -> MultiExitNetwork:
    from baselines.networks.msdnet import MSDNet
    from baselines.networks.official import fill_from_official

    network = MSDNet(
        num_identities,
        layers=[int(options["base"]), *[int(options["step"])] * (int(options["blocks"]) - 1)],
        channels=int(options["channels"]),
        growth=int(options["growth"]),
        exits=int(options["exits"]),
        pool=bool(options["pool"]),
        embed_at=str(options["embed_at"]),
    )
    fill_from_official({"blocks": network.blocks, "classifier": network.heads}, str(options["weights"]))
    return network


MSDNET = Method(
    name="msdnet",
    summary="MSDNet: every layer at several scales, exits on the coarsest (continuous, Euclidean)",
    paper="Huang et al., Multi-Scale Dense Networks for Resource Efficient Image Classification, ICLR 2018",
    faithful="the official ImageNet network of five blocks cut after exit 4: 384/384/352/304; recipe of preset paper",
    differs=(
        "the embedding is the head's output before the classifier, by a global mean (the official pooling cannot run "
        "at 256×128); batch-hard triplet beside the cross-entropy at every exit, batch norm between them: neither "
        "paper says how MSDNet was trained for re-identification (--set triplet_weight=0 is its own paper's loss); all "
        "scales are computed, without the paper's lazy evaluation; no random crops at random scales"
    ),
    presets={
        "paper": Preset(
            "the official network at 256×128, from scratch (--weights FILE takes its ImageNet checkpoint)",
            {**CLASSIFICATION_AND_TRIPLET, **NETWORK, "channels": 32, "growth": 16, "pool": True},
            PAPER_RECIPE,
        ),
        "small": Preset(
            "3/4 of the channels, all layers, from scratch at 192×96: the recipe of preset demo, longer",
            {**CLASSIFICATION_AND_TRIPLET, **NETWORK, "channels": 24, "growth": 12, "pool": True},
            SMALL_RECIPE,
        ),
        "demo": Preset(
            "3/8 of the channels, half the layers of every block, at 128×64 without pooling in the stem, so that the "
            "four scales are those of the paper's input: minutes on two cores",
            {**CLASSIFICATION_AND_TRIPLET, **NETWORK, "base": 2, "step": 2, "channels": 12, "growth": 6, "pool": False},
            DEMO_RECIPE,
        ),
        "smoke": Preset(
            "seconds, for tests: learns nothing",
            {**CLASSIFICATION_AND_TRIPLET, **NETWORK, "base": 1, "step": 1, "channels": 8, "growth": 4, "pool": True},
            SMOKE_RECIPE,
        ),
    },
    build=_build,
    loss=classification_and_triplet,
    option_ranges={**RANGES, "channels": (1, 4096), "growth": (1, 4096)},
)
