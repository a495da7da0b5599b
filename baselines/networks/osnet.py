"""OSNet (Zhou et al., ICCV 2019): blocks of four lite streams, whose receptive fields one gate weighs."""

from __future__ import annotations

import re
from pathlib import Path

from torch import nn

from baselines.networks.lite import ConvNorm, StreamBlock, halving, initialise
from baselines.networks.public import fill_by_name
from baselines.networks.staged import StagedNetwork
from bench.encoders.weights import read_state_dict
from bench.errors import BenchError

CHANNELS = (64, 256, 384, 512)
DEPTHS = (1, 2, 3, 4)
"""Lite convolutions of the four streams of a block."""


class OSNet(StagedNetwork):
    """OSNet of a ``width`` relative to the paper's: a stem, three stages of two blocks, and a 1×1 convolution.

    ``gate_reduction`` divides a block's inner channels for the hidden units of its gate. ``early_exits`` adds an exit
    of the same head after each of the three stages. Raises :class:`BenchError` for a width of which no channels are
    left.
    """

    def __init__(
        self,
        num_identities: int,
        *,
        width: float = 1.0,
        dim: int = 512,
        gate_reduction: int = 16,
        early_exits: bool = False,
    ) -> None:
        stem, *widths = (int(width * channels) for channels in CHANNELS)
        if min(stem, widths[0] // 4) < 1:
            raise BenchError(f"width is a factor on {CHANNELS} channels, and {width:g} leaves none")
        stages: list[nn.Module] = []
        for index, (entering, leaving) in enumerate(zip([stem, *widths], widths, strict=False)):
            blocks = [StreamBlock(channels, leaving, DEPTHS, gate_reduction) for channels in (entering, leaving)]
            stages.append(nn.Sequential(*blocks, *([halving(leaving)] if index < 2 else [])))
        super().__init__(
            nn.Sequential(ConvNorm(3, stem, 7, stride=2), nn.MaxPool2d(3, stride=2, padding=1)),
            [*stages, ConvNorm(widths[-1], widths[-1])],
            [*widths, widths[-1]],
            (1, 2, 3, 4) if early_exits else (4,),
            num_identities,
            dim,
        )
        initialise(self)


def fill_from_public(network: OSNet, weights: str) -> None:
    """Fill a network from a checkpoint of KaiyangZhou/deep-person-reid; ``none`` leaves it as it is.

    Its classifier is left out, and early exits stay as they are. Raises :class:`BenchError` where the file does not
    fit.
    """
    if weights == "none":
        return
    if weights == "imagenet":
        raise BenchError(
            "torchvision has no ImageNet weights of OSNet: give the file that the model zoo of "
            "KaiyangZhou/deep-person-reid links with --weights FILE, or start from --weights none"
        )
    last = len(network.heads) - 1
    early = tuple(f"heads.{index}." for index in range(last))
    fill_by_name(
        network,
        read_state_dict(Path(weights)),
        lambda name: own_name(name, last),
        weights,
        optional=("classifiers.", *early),
    )


_RENAMED = (
    (r"^conv1\.", "stem.0."),
    (r"^conv([2345])\.", lambda match: f"stages.{int(match[1]) - 2}."),
    (r"^(stages\.\d\.\d)\.conv1\.", r"\1.reduce."),
    (r"^(stages\.\d\.\d)\.conv2a\.", r"\1.streams.0.0."),
    (r"^(stages\.\d\.\d)\.conv2([bcd])\.", lambda match: f"{match[1]}.streams.{'abcd'.index(match[2])}."),
    (r"^(stages\.\d\.\d)\.conv3\.", r"\1.expand."),
    (r"^(stages\.\d\.\d)\.downsample\.", r"\1.shortcut."),
    (r"(streams\.\d\.\d)\.conv1\.", r"\1.pointwise."),
    (r"(streams\.\d\.\d)\.conv2\.", r"\1.depthwise."),
)
"""From names of the public repository to those here, applied in this order."""


def own_name(public: str, last_exit: int = 0) -> str:
    """Name here of a tensor of the public repository; empty for its classifier."""
    if public.startswith("classifier."):
        return ""
    for pattern, replacement in _RENAMED:
        public = re.sub(pattern, replacement, public)
    return re.sub(r"^fc\.", f"heads.{last_exit}.layers.", public)
