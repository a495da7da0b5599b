"""RANet as a method of the suite. No torch at the top: listing methods loads this module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baselines.exit_losses import CLASSIFICATION_AND_TRIPLET, RANGES, classification_and_triplet
from baselines.imagenet_recipe import DEMO_RECIPE, PAPER_RECIPE, SMALL_RECIPE, SMOKE_RECIPE
from bench.methods import Method, Options, Preset

if TYPE_CHECKING:
    from bench.networks import MultiExitNetwork

NETWORK: Options = {"exits": 4, "embed_at": "head", "weights": "none"}


def _build(options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)) -> MultiExitNetwork:
    from baselines.networks.official import fill_from_official
    from baselines.networks.ranet import RANet

    network = RANet(
        num_identities,
        layers=int(options["layers"]),
        channels=int(options["channels"]),
        growth=int(options["growth"]),
        exits=int(options["exits"]),
        pool=bool(options["pool"]),
        embed_at=str(options["embed_at"]),
    )
    parts = {"scale_flows": network.subnetworks, "classifier": network.heads, "FirstLayer": network.stem}
    fill_from_official(parts, str(options["weights"]))
    return network


RANET = Method(
    name="ranet",
    summary="RANet: sub-networks from the lowest resolution up, each fused into the next (continuous, Euclidean)",
    paper="Yang et al., Resolution Adaptive Networks for Efficient Inference, CVPR 2020",
    faithful="the official ImageNet script's eight exits cut after exit 4: 576/1088/641/897; recipe of preset paper",
    differs=(
        "the first four exits use two of the four sub-networks, and the stem of all four; the embedding is the head's "
        "output before the classifier, by a global mean (the official pooling cannot run at 256×128); batch-hard "
        "triplet beside the cross-entropy at every exit, batch norm between them: neither paper says how RANet was "
        "trained for re-identification (--set triplet_weight=0 is its own paper's loss); no random crops at random "
        "scales"
    ),
    presets={
        "paper": Preset(
            "the official network at 256×128, from scratch (--weights FILE takes a checkpoint of the official code)",
            {**CLASSIFICATION_AND_TRIPLET, **NETWORK, "layers": 8, "channels": 16, "growth": 16, "pool": True},
            PAPER_RECIPE,
        ),
        "small": Preset(
            "3/4 of the channels, all layers, from scratch at 192×96: the recipe of preset demo, longer",
            {**CLASSIFICATION_AND_TRIPLET, **NETWORK, "layers": 8, "channels": 12, "growth": 12, "pool": True},
            SMALL_RECIPE,
        ),
        "demo": Preset(
            "half the channels and layers of every block, at 128×64 without pooling in the stem, so that resolutions "
            "are those of the paper's input: minutes on two cores",
            {**CLASSIFICATION_AND_TRIPLET, **NETWORK, "layers": 4, "channels": 8, "growth": 8, "pool": False},
            DEMO_RECIPE,
        ),
        "smoke": Preset(
            "seconds, for tests: learns nothing",
            {**CLASSIFICATION_AND_TRIPLET, **NETWORK, "layers": 2, "channels": 4, "growth": 4, "pool": True},
            SMOKE_RECIPE,
        ),
    },
    build=_build,
    loss=classification_and_triplet,
    option_ranges={**RANGES, "channels": (1, 4096)},
)
