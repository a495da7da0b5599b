"""RANet: sub-networks from the lowest resolution up, each fused with the one before it (Yang et al., CVPR 2020).

Built as by the official ImageNet script: four sub-networks of 2, 4, 6 and 8 blocks, with an exit after each of the last
two blocks of a sub-network. The first exits are kept, as many as are wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.networks.classifier import ClassifyingNetwork, IdentityClassifier
from baselines.networks.units import ConvolutionalHead, bottleneck, conv_norm_relu, first_convolution
from bench.errors import BenchError
from bench.networks import ExitSpec

FACTORS = (4, 2, 1, 1)
"""Growth of each sub-network, lowest resolution first, as multiples of the base; also its units' inner width."""
BLOCKS = (2, 4, 6, 8)
"""Blocks of each sub-network."""
EXITS_EACH = 2
"""Exits of each sub-network: after its last blocks, which are those without fusion."""
MAX_EXITS = EXITS_EACH * len(BLOCKS)
FUSED_SHARE = 0.25
"""Fraction of a fusion layer's growth that comes from the sub-network below."""
REDUCTION = 0.5
"""Fraction of the channels that a transition keeps."""


def resized(maps: Tensor, like: Tensor) -> Tensor:
    """Resize maps (B, C, H, W) to the height and width of others, unless they are equal."""
    size = like.shape[2:]
    if maps.shape[2:] == size:
        return maps
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=True)


class Stem(nn.Module):
    """Images (B, 3, H, W) → one map for every sub-network, finest first, each from the one before it."""

    def __init__(self, channels: int, pool: bool) -> None:
        super().__init__()
        widths = [channels * factor for factor in reversed(FACTORS)]
        self.scales = nn.ModuleList([first_convolution(widths[0], pool)])
        self.scales.extend(nn.Sequential(*conv_norm_relu(finer, coarser, 3, 2)) for finer, coarser in pairwise(widths))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Make the maps of every resolution."""
        maps = []
        for scale in self.scales:
            images = scale(images)
            maps.append(images)
        return maps


class DenseBlock(nn.Module):
    """Layers that each append ``growth`` channels; ``widths`` are the channels before the first and after each."""

    def __init__(self, entering: int, growth: int, factor: int, layers: int) -> None:
        super().__init__()
        self.widths = [entering + growth * layer for layer in range(layers + 1)]
        self.layers = nn.ModuleList(bottleneck(width, growth, factor) for width in self.widths[:-1])

    def forward(self, maps: Tensor) -> Tensor:
        """Grow maps (B, C, H, W)."""
        for layer in self.layers:
            maps = torch.cat([maps, layer(maps)], dim=1)
        return maps


class FusionLayer(nn.Module):
    """Append ``growth`` channels; a quarter of them come from the same layer's maps in the sub-network below."""

    def __init__(
        self, entering: int, growth: int, factor: int, lower_width: int, lower_factor: int, stride: int
    ) -> None:
        super().__init__()
        fused = int(FUSED_SHARE * growth)
        self.lower = bottleneck(lower_width, fused, lower_factor)
        self.own = bottleneck(entering, growth - fused, factor, stride)

    def forward(self, maps: Tensor, low: Tensor) -> Tensor:
        """Fuse maps (B, C, H, W) with lower ones (B, C', H', W'), at the layer's output resolution."""
        own = self.own(maps)
        return torch.cat([resized(maps, own), resized(self.lower(low), own), own], dim=1)


class FusionBlock(nn.Module):
    """Layers that are fused with the block of the same number in the sub-network below, of widths ``lower_widths``.

    At the end a 1×1 convolution of the last maps of the block below is appended, a quarter as wide as the maps so far.
    If ``halves``, the last layer halves the resolution, and a final 1×1 convolution halves the channels.
    """

    def __init__(
        self, entering: int, growth: int, factor: int, lower_widths: Sequence[int], lower_factor: int, halves: bool
    ) -> None:
        super().__init__()
        last = len(lower_widths) - 2
        self.widths = [entering + growth * layer for layer in range(last + 2)]
        self.halves = halves
        self.layers = nn.ModuleList(
            FusionLayer(width, growth, factor, lower, lower_factor, 2 if halves and layer == last else 1)
            for layer, (width, lower) in enumerate(zip(self.widths[:-1], lower_widths[:-1], strict=True))
        )
        appended = int(FUSED_SHARE * self.widths[-1])
        whole = self.widths[-1] + appended
        self.leaving = int(REDUCTION * whole) if halves else whole
        self.append = nn.Sequential(*conv_norm_relu(lower_widths[-1], appended, 1))
        self.transition = nn.Sequential(*(conv_norm_relu(whole, self.leaving, 1) if halves else ()))

    def forward(self, maps: Tensor, low: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Fuse maps (B, C, H, W) with the lower block's, before its first layer and after each.

        Gives the output maps, and the tensors from which the maps between the layers can be cut: each is the first
        channels of the next one, except where the last layer halves the resolution.
        """
        trail = []
        for number, (layer, lower) in enumerate(zip(self.layers, low, strict=False), start=1):
            if self.halves and number == len(self.layers):
                trail.append(maps)
            maps = layer(maps, lower)
        whole = torch.cat([maps, resized(self.append(low[-1]), maps)], dim=1)
        return self.transition(whole), [*trail, maps]


class SubNetwork(nn.Module):
    """Sub-network ``number`` (0 is the lowest resolution): fusion blocks, then dense blocks that end in exits."""

    def __init__(self, number: int, channels: int, growth: int, layers: int, blocks: int, below: SubNetwork | None):
        super().__init__()
        factor = FACTORS[number]
        growth *= factor
        reduced_after = {index * BLOCKS[number] // (number + 1) for index in range(1, number + 1)}
        self.factor = factor
        self.fused = nn.ModuleList()
        self.dense = nn.ModuleList()
        self.widths: list[list[int]] = []
        width = channels * factor
        for block_number in range(1, blocks + 1):
            if below is not None and block_number <= BLOCKS[number - 1]:
                halves = block_number in reduced_after
                fusion = FusionBlock(width, growth, factor, below.widths[block_number - 1], below.factor, halves)
                width = fusion.leaving
                self.fused.append(fusion)
                self.widths.append(fusion.widths)
            else:
                block = DenseBlock(width, growth, factor, layers)
                width = block.widths[-1]
                self.dense.append(block)
                self.widths.append(block.widths)
        self.exit_widths = [widths[-1] for widths in self.widths[-len(self.dense) :]]

    def fuse(self, maps: Tensor, below: SubNetwork, trail: Sequence[list[Tensor]]) -> tuple[Tensor, list[list[Tensor]]]:
        """Run the fusion blocks on the trail of the sub-network below; gives the output maps and its own trail."""
        own = []
        for number, block in enumerate(self.fused):
            maps, left = block(maps, below.successive(number, trail))
            own.append(left)
        return maps, own

    def successive(self, number: int, trail: Sequence[list[Tensor]]) -> list[Tensor]:
        """Maps before the first layer of a block and after each of its layers, cut out of a trail."""
        widths = self.widths[number]
        # The dense blocks come last and only ever append: one tensor holds them all.
        left = trail[min(number, len(self.fused))]
        finer = [left[0][:, :width] for width in widths[:-1]]
        return [*finer, left[-1][:, : widths[-1]]]


class RANet(ClassifyingNetwork):
    """RANet with an identity classifier at every exit.

    ``layers`` are those of every block; the first ``exits`` of the eight exits are kept. The state has the input maps
    of the sub-networks that have not run, the trail of fusion blocks that the next one reads, and the present maps,
    which are the rest of that trail; after the last exit it is empty. Raises :class:`BenchError` for impossible
    numbers of exits, layers or channels.
    """

    def __init__(
        self,
        num_identities: int,
        *,
        layers: int = 8,
        channels: int = 16,
        growth: int = 16,
        exits: int = 4,
        pool: bool = True,
        embed_at: str = "head",
    ) -> None:
        super().__init__()
        if not 1 <= exits <= MAX_EXITS:
            raise BenchError(f"ranet keeps 1 to {MAX_EXITS} exits, not {exits}")
        if layers < 1 or growth < 4:
            raise BenchError(
                f"ranet needs blocks of 1 layer or more and a growth of 4 or more, not {layers} and {growth}"
            )
        self.subnetworks = nn.ModuleList()
        widths: list[int] = []
        below = None
        while len(widths) < exits:
            number = len(self.subnetworks)
            blocks = BLOCKS[number] - EXITS_EACH + min(EXITS_EACH, exits - len(widths))
            below = SubNetwork(number, channels, growth, layers, blocks, below)
            self.subnetworks.append(below)
            widths += below.exit_widths
        self.heads = nn.ModuleList(ConvolutionalHead(width, embed_at) for width in widths)
        self.stem = Stem(channels, pool)
        self.classifiers = nn.ModuleList(IdentityClassifier(width, num_identities) for width in widths)
        self.exits = tuple(ExitSpec(f"exit {number}", width, "continuous") for number, width in enumerate(widths, 1))
        for part in (self.subnetworks, self.heads):
            for module in part.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def start(self, images: Tensor) -> dict[str, Any]:
        """Run the whole stem; the state has the input maps of the sub-networks, the lowest resolution first."""
        maps = self.stem(images)[::-1][: len(self.subnetworks)]
        return {"begin": maps, "trail": [], "maps": []}

    def step(self, state: dict[str, Any], exit_index: int) -> tuple[dict[str, Any], Tensor]:
        """Run a dense block and the head of its exit; at the first exit of a sub-network, its fusion blocks before."""
        number, block = divmod(exit_index, EXITS_EACH)
        network = self.subnetworks[number]
        assert isinstance(network, SubNetwork)
        begin, trail = list(state["begin"]), list(state["trail"])
        if block > 0:
            maps = state["maps"][0]
        else:
            maps = begin.pop(0)
            if number > 0:
                below = self.subnetworks[number - 1]
                assert isinstance(below, SubNetwork)
                maps, trail = network.fuse(maps, below, [*trail, state["maps"]])
        maps = network.dense[block](maps)
        embedding = self.heads[exit_index](maps)
        if exit_index == len(self.exits) - 1:
            return {"begin": [], "trail": [], "maps": []}, embedding
        # The trail of the last sub-network is never read.
        return {"begin": begin, "trail": trail if begin else [], "maps": [maps]}, embedding
