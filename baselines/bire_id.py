"""BiRe-ID as a method of the suite. No torch at the top: listing methods loads this module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from baselines import bot
from baselines.identity_losses import RANGES, identity_and_triplet
from baselines.number_lists import whole_numbers
from bench.errors import unknown_name
from bench.methods import WEIGHTS, WIDTHS, Method, Options, Preset
from bench.training import shared
from bench.training.recipe import Optimiser, Schedule

if TYPE_CHECKING:
    from torch import Tensor

    from bench.networks import ExitOutput, MultiExitNetwork

PAPER_RECIPE = replace(bot.PAPER_RECIPE, optimiser=Optimiser(name="adam", learning_rate=3.5e-4))
"""BoT's, without weight decay, which would turn the signs of weights: the paper's own is not known."""
DEMO_RECIPE = replace(
    bot.DEMO_RECIPE,
    optimiser=Optimiser(name="adam", learning_rate=3e-3),
    schedule=Schedule(kind="cosine", warmup_epochs=1.0),
)
"""BoT's augmentation in minutes; the rate is still high when weights become signs, and flips them."""
SMALL_RECIPE = shared.between(DEMO_RECIPE)
SMOKE_RECIPE = replace(bot.SMOKE_RECIPE, optimiser=Optimiser(name="adam", learning_rate=3e-3))

SCALES = ("learned", "mean")
FROM_SIGNS: Options = {"real_share": 0.0}
OPTIONS: Options = {
    **FROM_SIGNS,
    "label_smoothing": 0.0,
    "triplet_weight": 0.0,
    "margin": 0.3,
    "scales": "learned",
    "kernel_refinement": True,
    "feature_refinement": True,
    "adversarial_weight": 0.1,
    "kernel_weight": 1e-4,
    "feature_weight": 1e-3,
}
"""``kernel_weight`` is λ, ``feature_weight`` μ; their values are within the ranges that the book shows."""
SHORT: Options = {**OPTIONS, "real_share": 0.4, "adversarial_weight": 0.01, "feature_weight": 1e-4}
"""Of a few hundred steps: from signs alone they learn little, and strong refinement takes from the task."""


def _build(options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)) -> MultiExitNetwork:
    from baselines.networks.bire_id import BiReID

    if options["scales"] not in SCALES:
        raise unknown_name("scales", str(options["scales"]), SCALES)
    return BiReID(
        num_identities,
        width=int(options["width"]),
        blocks=whole_numbers("blocks", options["blocks"], count=4),
        hidden=int(options["hidden"]),
        learned_scale=options["scales"] == "learned",
        kernels=bool(options["kernel_refinement"]),
        features=bool(options["feature_refinement"]),
        real_share=float(options.get("real_share", 0)),  # runs that were kept before the option existed had signs
    )


def _loss(outputs: Sequence[ExitOutput], labels: Tensor, options: Options) -> dict[str, Tensor]:
    """Cross-entropy, and for each refinement the adversaries' loss and a squared distance, each times its weight."""
    terms = identity_and_triplet(outputs, labels, options)
    extras = outputs[-1].extras
    for what, weight in (("kernels", "kernel_weight"), ("maps", "feature_weight")):
        if f"{what} distance" in extras:
            terms[f"{what} adversarial"] = float(options["adversarial_weight"]) * extras[f"{what} adversarial"]
            terms[f"{what} distance"] = float(options[weight]) * extras[f"{what} distance"]
    return terms


BIRE_ID = Method(
    name="bire-id",
    summary="BiRe-ID: a ResNet-18 of binary weights and activations, one exit (continuous, cosine)",
    paper="Xu et al., BiRe-ID: Binary Neural Network for Efficient Person Re-ID, ACM TOMM 2022",
    faithful="binary convolutions with learned scales, first convolution and classifier real, losses of kernel and "
    "feature refinement, each with a switch; scales=mean has the weights' scale of XNOR-Net",
    differs="reconstructed from the abstract and a book chapter: 1×1 shortcuts are binary, which fits the printed "
    "12.51-fold saving; discriminators, weights of the losses and the recipe (BoT's, without weight decay) are "
    "assumptions, and so are the real numbers that presets demo and small begin with; without scales of activations "
    "and with Bi-Real Net's gradients, scales=mean is not the whole of XNOR-Net; binary products run as floats, "
    "so that the saving (--cost operations) is theoretical, except in the backend openvino, which packs them",
    presets={
        "paper": Preset(
            "ResNet-18 at 256×128 from scratch, BoT's recipe",
            {**OPTIONS, "width": 64, "blocks": "2,2,2,2", "hidden": 128},
            PAPER_RECIPE,
        ),
        "small": Preset(
            "half the width from scratch at 192×96: the recipe of preset demo, longer",
            {**SHORT, "width": 32, "blocks": "2,2,2,2", "hidden": 64},
            SMALL_RECIPE,
        ),
        "demo": Preset(
            "half the width from scratch at 128×64: minutes on two cores",
            {**SHORT, "width": 32, "blocks": "2,2,1,1", "hidden": 64},
            DEMO_RECIPE,
        ),
        "smoke": Preset(
            "seconds, for tests: learns nothing",
            {**OPTIONS, "width": 8, "blocks": "1,1,1,1", "hidden": 8},
            SMOKE_RECIPE,
        ),
    },
    build=_build,
    option_defaults=FROM_SIGNS,
    option_ranges={
        **RANGES,
        "width": (1, 4096),
        "adversarial_weight": WEIGHTS,
        "kernel_weight": WEIGHTS,
        "feature_weight": WEIGHTS,
        "hidden": WIDTHS,
    },
    loss=_loss,
    groups=("static",),
)
