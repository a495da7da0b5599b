"""HashReID and HashReID−HE as methods of the suite. No torch at the top: listing methods loads this module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.methods import MARGINS, WEIGHTS, WIDTHS, Method, Options, Preset
from bench.training import shared
from hashreid.readings import AS_BEFORE, CHOSEN, check_readings

if TYPE_CHECKING:
    from torch import Tensor

    from bench.encoders.encoder import Encoder
    from bench.networks import ExitOutput, MultiExitNetwork

PAPER = "Nikhal et al., HashReID: Dynamic Network with Binary Codes for Efficient Person Re-identification, 2023"

LOSS = {"triplet_weight": 0.35, "identity_weight": 1.0, "ranking_weight": 100.0, "margin": 0.2}
"""Section 4.2 (λ1, λ2, λ3) and equation 5 (margin)."""
RANGES = {
    "strips": (1, 256),
    "bits": WIDTHS,
    "triplet_weight": WEIGHTS,
    "identity_weight": WEIGHTS,
    "margin": MARGINS,
}
EXITS = {"strips": 4, "hidden": 512, "bits": 256}
"""Section 3.2."""


def _build(options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)) -> MultiExitNetwork:
    from bench.encoders.build import encoder_of

    check_readings(options)
    return _on_encoder(encoder_of(options, input_size), options, num_identities, input_size)


def _on_encoder(
    encoder: Encoder, options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)
) -> MultiExitNetwork:
    from hashreid.network import HashReID

    check_readings(options)
    stages = len(encoder.stages)
    return HashReID(
        encoder,
        num_identities,
        exit_stages=tuple(range(1, stages + 1)) if options["early_exits"] else (stages,),
        strips=int(options["strips"]),
        hidden=int(options["hidden"]),
        bits=int(options["bits"]),
        final_bits=int(options["final_bits"]),
        straight_through=options["training_sign"] == "straight-through",
        hardness=float(options["sign_hardness"]),
    )


def _loss(outputs: Sequence[ExitOutput], labels: Tensor, options: Options) -> dict[str, Tensor]:
    from hashreid.training_loss import hashreid_loss

    return hashreid_loss(outputs, labels, options)


def _presets(early_exits: bool) -> dict[str, Preset]:
    common = {**LOSS, **EXITS, **AS_BEFORE, "early_exits": early_exits, "final_bits": 0}
    return {
        "paper": Preset(
            "ResNet-50 from ImageNet at 256×128, the paper's recipe",
            {**common, "backbone": "resnet50", "last_stride": 2, "weights": "imagenet"},
            shared.PAPER,
        ),
        "small": Preset(
            "ResNet-50 of half width from scratch at 192×96: the demo's reading and rates, longer",
            {**common, **CHOSEN, "backbone": "resnet50-half", "last_stride": 2, "weights": "none"},
            shared.SMALL,
        ),
        "demo": Preset(
            "ResNet-14 of half width from scratch at 128×64: three minutes on two cores",
            {**common, **CHOSEN, "backbone": "resnet14-half", "last_stride": 1, "weights": "none"},
            shared.DEMO,
        ),
        "smoke": Preset(
            "seconds, for tests: learns nothing",
            {**common, "backbone": "resnet10-quarter", "last_stride": 2, "weights": "none"},
            shared.SMOKE,
        ),
    }


HASHREID = Method(
    name="hashreid",
    summary="four hash exits on a ResNet, strips pooled at the first (binary codes, Hamming)",
    paper=PAPER,
    faithful="exits, code lengths, soft sign in training and sign after; preset paper: losses, their weights, recipe",
    differs=(
        "strips are concatenated (the formula, not the text); the ranking regulariser is read as ranking=cosine of "
        "centred features, in preset demo held fixed and of weight 1; eq. 5 as a mean over anchors (triplet_anchors), "
        "the rate's gradual decay as steps; options are other readings"
    ),
    presets=_presets(early_exits=True),
    build=_build,
    on_encoder=_on_encoder,
    option_defaults=AS_BEFORE,
    option_ranges=RANGES,
    loss=_loss,
    groups=("multi-exit", "hashing"),
)

HASHREID_NOEXIT = Method(
    name="hashreid-noexit",
    summary="HashReID−HE: the same trunk and losses with its last exit alone (binary codes, Hamming)",
    paper=PAPER,
    faithful="the last exit of HashReID trained alone; option final_bits gives the code lengths of Table 3",
    differs="as hashreid",
    presets=_presets(early_exits=False),
    build=_build,
    on_encoder=_on_encoder,
    option_defaults=AS_BEFORE,
    option_ranges=RANGES,
    loss=_loss,
    groups=("static", "hashing"),
)
