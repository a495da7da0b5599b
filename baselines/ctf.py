"""CtF: codes of several lengths out of one network, for a search from coarse to fine.

No torch at the top: listing methods loads this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from baselines import bot
from baselines.identity_losses import RANGES, identity_and_triplet
from baselines.number_lists import whole_numbers
from bench.methods import WEIGHTS, Method, Options, Preset

if TYPE_CHECKING:
    from torch import Tensor

    from bench.networks import ExitOutput, MultiExitNetwork

OPTIONS: Options = {
    "label_smoothing": 0.1,
    "triplet_weight": 1.0,
    "margin": 0.35,
    "probability_weight": 1.0,
    "similarity_weight": 1000.0,
}
"""wangguanan/light-reid: its light-feat configuration, and the weights that its engine gives to self-distillation."""


def _build(options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)) -> MultiExitNetwork:
    from baselines.networks.ctf import CtF
    from bench.encoders.build import encoder_of

    lengths, searched = (
        whole_numbers(name, options[name], count=str(options[name]).count(",") + 1) for name in ("lengths", "searched")
    )
    encoder = encoder_of(options, input_size)
    return CtF(encoder, num_identities, lengths, searched)


def ctf_loss(outputs: Sequence[ExitOutput], labels: Tensor, options: Options) -> dict[str, Tensor]:
    """Cross-entropy and triplets of every length, and what the shorter codes learn from the longest.

    Self-distillation is summed over the shorter codes; the longest, which teaches them, learns nothing from it.
    By probability: Σ_k p_k log(p_k / t_k) + t_k log(t_k / p_k), a mean over the batch, for the softmax p of a shorter
    code and t of the longest. By similarity: the mean squared difference of the batch's Gram matrices, rows of length
    1. Each is 0 where its weight is, and then left out.
    """
    import torch.nn.functional as F

    terms = identity_and_triplet(outputs, labels, options)
    extras = outputs[0].extras
    lengths = [name.split()[1] for name in extras if name.startswith("logits ")]
    weights = {name: float(options[f"{name}_weight"]) for name in ("probability", "similarity")}
    if weights["probability"]:
        teacher, *students = (extras[f"logits {length}"].log_softmax(dim=1) for length in lengths)
        teacher = teacher.detach()
        losses = [((teacher.exp() - student.exp()) * (teacher - student)).sum(dim=1).mean() for student in students]
        terms["probability"] = weights["probability"] * sum(losses[1:], losses[0])
    if weights["similarity"]:
        codes = [extras[f"{length} bits"] for length in lengths]
        teacher, *students = (F.normalize(code @ code.T, dim=1) for code in codes)
        losses = [F.mse_loss(student, teacher.detach()) for student in students]
        terms["similarity"] = weights["similarity"] * sum(losses[1:], losses[0])
    return terms


CTF = Method(
    name="ctf",
    summary="CtF: codes of several lengths in one pass of a ResNet-50, one exit at the longest (binary codes, Hamming)",
    paper="Wang et al., Faster Person Re-Identification, ECCV 2020",
    faithful="code lengths of the pyramid, self-distillation by probability and by similarity, weights of the losses; "
    "preset paper: BoT's recipe, as in the public code; bench search --coarse-to-fine is its search",
    differs="the longest code is taken of the trunk's own features and teaches the others, where the public code has a "
    "2048×2048 layer before it, and a neck of its own on the trunk's features that teaches all seven; thresholds of "
    "the search come from held-out identities, where that code fits them on the test labels",
    presets={
        "paper": Preset(
            "ResNet-50 from ImageNet at 256×128, BoT's recipe",
            {
                **OPTIONS,
                "lengths": "2048,1024,512,256,128,64,32",
                "searched": "2048,512,128,32",
                "backbone": "resnet50",
                "last_stride": 1,
                "weights": "imagenet",
            },
            bot.PAPER_RECIPE,
        ),
        "small": Preset(
            "ResNet-50 of half width from scratch at 192×96: the recipe of preset demo, longer",
            {
                **OPTIONS,
                "lengths": "1024,512,256,128,64,32",
                "searched": "1024,256,64,32",
                "backbone": "resnet50-half",
                "last_stride": 1,
                "weights": "none",
            },
            bot.SMALL_RECIPE,
        ),
        "demo": Preset(
            "ResNet-14 of half width from scratch at 128×64: minutes on two cores",
            {
                **OPTIONS,
                "lengths": "256,128,64,32,16",
                "searched": "256,64,32,16",
                "backbone": "resnet14-half",
                "last_stride": 1,
                "weights": "none",
            },
            bot.DEMO_RECIPE,
        ),
        "smoke": Preset(
            "seconds, for tests: learns nothing",
            {
                **OPTIONS,
                "lengths": "128,64,32,16",
                "searched": "128,32,16",
                "backbone": "resnet10-quarter",
                "last_stride": 2,
                "weights": "none",
            },
            bot.SMOKE_RECIPE,
        ),
    },
    build=_build,
    loss=ctf_loss,
    option_ranges={**RANGES, "probability_weight": WEIGHTS, "similarity_weight": WEIGHTS},
    groups=("static", "hashing"),
)
