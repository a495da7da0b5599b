"""MLFN (Chang et al., CVPR 2018): blocks of many factor modules, and gates that say which of them an image uses."""

from __future__ import annotations

import re
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.networks.classifier import ClassifyingNetwork
from baselines.networks.lite import initialise
from baselines.networks.public import fill_by_name
from bench.encoders.weights import read_state_dict
from bench.errors import BenchError
from bench.networks import ExitSpec

GATE_WIDTHS = ((2, 1), (4, 2), (8, 2), (8, 2))
"""Hidden units of the gates of each level, in multiples of the stem's channels."""


def conv_norm(
    entering: int, leaving: int, *rest: nn.Module, kernel: int = 1, stride: int = 1, groups: int = 1, bias: bool = False
) -> nn.Sequential:
    """Convolution, padded to keep the size at stride 1, batch norm, and what follows."""
    convolution = nn.Conv2d(entering, leaving, kernel, stride, kernel // 2, groups=groups, bias=bias)
    return nn.Sequential(convolution, nn.BatchNorm2d(leaving), *rest)


class FactorBlock(nn.Module):
    """A bottleneck of ``factors`` groups, each scaled by a gate in (0, 1) that the block's input chooses.

    Gives the maps (B, C, H, W) and the gates (B, factors, 1, 1), the image's signature at this block.
    """

    def __init__(self, entering: int, leaving: int, stride: int, gate_widths: tuple[int, int], factors: int) -> None:
        super().__init__()
        inner = leaving // 2
        first, second = gate_widths
        self.reduce = conv_norm(entering, inner, nn.ReLU(inplace=True))
        self.factors = conv_norm(inner, inner, nn.ReLU(inplace=True), kernel=3, stride=stride, groups=factors)
        self.expand = conv_norm(inner, leaving, nn.ReLU(inplace=True))
        self.selection = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            *conv_norm(entering, first, nn.ReLU(inplace=True), bias=True),
            *conv_norm(first, second, nn.ReLU(inplace=True), bias=True),
            *conv_norm(second, factors, nn.Sigmoid(), bias=True),
        )
        self.shortcut: nn.Module = nn.Identity()
        if entering != leaving or stride > 1:
            self.shortcut = conv_norm(entering, leaving, stride=stride)
        self.share = inner // factors

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Run the block on maps (B, C, H, W)."""
        gates = self.selection(maps)
        scales = gates.unsqueeze(2).expand(-1, -1, self.share, -1, -1).flatten(1, 2)
        chosen = self.factors(self.reduce(maps)) * scales
        return F.relu(self.shortcut(maps) + self.expand(chosen)), gates


class FactorHead(nn.Module):
    """Maps (B, C, H, W) and all gates (B, blocks × factors, 1, 1) → embedding (B, dim): the mean of two projections."""

    def __init__(self, channels: int, gates: int, dim: int) -> None:
        super().__init__()
        self.from_maps = conv_norm(channels, dim, nn.ReLU(inplace=True))
        self.from_gates = conv_norm(gates, dim, nn.ReLU(inplace=True))

    def forward(self, maps: Tensor, gates: Tensor) -> Tensor:
        """Embed maps (B, C, H, W) with the gates that made them."""
        means = F.adaptive_avg_pool2d(maps, 1)
        return (0.5 * (self.from_maps(means) + self.from_gates(gates))).flatten(1)


class FactorNetwork(ClassifyingNetwork):
    """MLFN with one exit. ``width`` are the stem's channels, ``blocks`` the blocks of the four levels.

    Raises :class:`BenchError` where the channels of a level do not divide into the factors.
    """

    def __init__(self, num_identities: int, *, width: int, blocks: tuple[int, ...], factors: int, dim: int) -> None:
        super().__init__()
        if 2 * width % factors:
            raise BenchError(f"factors must divide the {2 * width} inner channels of the first level, not {factors}")
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 7, stride=2, padding=3),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.blocks = nn.ModuleList()
        entering = width
        for level, count in enumerate(blocks):
            leaving = width * 4 * 2**level
            first, second = (width * multiple for multiple in GATE_WIDTHS[level])
            for number in range(count):
                stride = 2 if level and number == 0 else 1
                self.blocks.append(FactorBlock(entering, leaving, stride, (first, second), factors))
                entering = leaving
        self.heads = nn.ModuleList([FactorHead(entering, sum(blocks) * factors, dim)])
        self.classifiers = nn.ModuleList([nn.Linear(dim, num_identities)])
        self.exits = (ExitSpec("exit 4", dim, "continuous"),)
        initialise(self)

    def start(self, images: Tensor) -> Tensor:
        """Run the stem on images (B, 3, H, W)."""
        return self.stem(images)

    def step(self, state: Tensor, exit_index: int) -> tuple[tuple[()], Tensor]:
        """Run all blocks, and embed the last maps with the gates of all."""
        signature = []
        for block in self.blocks:
            state, gates = block(state)
            signature.append(gates)
        return (), self.heads[exit_index](state, torch.cat(signature, dim=1))


def fill_from_public(network: FactorNetwork, weights: str) -> None:
    """Fill a network from a checkpoint of KaiyangZhou/deep-person-reid; ``none`` leaves it as it is.

    Its classifier is left out. Raises :class:`BenchError` where the file does not fit.
    """
    if weights == "none":
        return
    if weights == "imagenet":
        raise BenchError(
            "torchvision has no ImageNet weights of MLFN: give the file that the model zoo of "
            "KaiyangZhou/deep-person-reid links with --weights FILE, or start from --weights none"
        )
    fill_by_name(network, read_state_dict(Path(weights)), own_name, weights)


_PARTS = {"1": "reduce", "2": "factors", "3": "expand"}
_RENAMED = (
    (r"^conv1\.", "stem.0."),
    (r"^bn1\.", "stem.1."),
    (r"^feature\.", "blocks."),
    (r"^(blocks\.\d+)\.fm_conv([123])\.", lambda match: f"{match[1]}.{_PARTS[match[2]]}.0."),
    (r"^(blocks\.\d+)\.fm_bn([123])\.", lambda match: f"{match[1]}.{_PARTS[match[2]]}.1."),
    (r"^(blocks\.\d+)\.fsm\.", r"\1.selection."),
    (r"^(blocks\.\d+)\.downsample\.", r"\1.shortcut."),
    (r"^fc_x\.", "heads.0.from_maps."),
    (r"^fc_s\.", "heads.0.from_gates."),
)
"""From names of the public repository to those here."""


def own_name(public: str) -> str:
    """Name here of a tensor of the public repository; empty for its classifier."""
    if public.startswith("classifier."):
        return ""
    for pattern, replacement in _RENAMED:
        public = re.sub(pattern, replacement, public)
    return public
