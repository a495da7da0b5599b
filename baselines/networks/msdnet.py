"""MSDNet: every layer works at several scales, and exits read the coarsest (Huang et al., ICLR 2018).

Built as the official ImageNet network: five blocks, cut after the last exit that is kept. The number of layers of the
whole network determines where scales are dropped, so the whole network is planned and then cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import ceil

import torch
from torch import Tensor, nn

from baselines.networks.classifier import ClassifyingNetwork, IdentityClassifier
from baselines.networks.units import ConvolutionalHead, bottleneck, conv_norm_relu, first_convolution
from bench.errors import BenchError
from bench.networks import ExitSpec

FACTORS = (1, 2, 4, 4)
"""Channels at each scale, finest first, as multiples of the base: the maps' and the units' inner width alike."""
SCALES = len(FACTORS)
REDUCTION = 0.5
"""Fraction of the channels that a transition keeps."""

Maps = list[Tensor]
"""Maps of the scales in use, finest first; the coarsest is always among them."""


class FirstLayer(nn.Module):
    """Images (B, 3, H, W) → maps at every scale, each from the scale before it by a convolution of stride 2."""

    def __init__(self, channels: int, pool: bool) -> None:
        super().__init__()
        self.scales = nn.ModuleList([first_convolution(channels, pool)])
        for finer, factor in pairwise(FACTORS):
            self.scales.append(nn.Sequential(*conv_norm_relu(finer * channels, factor * channels, 3, 2)))

    def forward(self, images: Tensor) -> Maps:
        """Make the maps of every scale."""
        return list(accumulate(self.scales, lambda maps, scale: scale(maps), initial=images))[1:]


class ScaleUnit(nn.Module):
    """The channels that a layer adds at one scale; if ``finer``, half of them come from the next finer scale."""

    def __init__(self, scale: int, base: int, growth: int, finer: bool) -> None:
        super().__init__()
        leaving = growth * FACTORS[scale] // (2 if finer else 1)
        entering = base * FACTORS[scale]
        self.down = bottleneck(base * FACTORS[scale - 1], leaving, FACTORS[scale - 1], stride=2) if finer else None
        self.normal = bottleneck(entering, leaving, FACTORS[scale])

    def forward(self, maps: Tensor, finer: Tensor | None) -> Tensor:
        """Append to maps (B, C, H, W) the channels from the finer maps, then those from the maps themselves."""
        added = [self.normal(maps)] if self.down is None else [self.down(finer), self.normal(maps)]
        return torch.cat([maps, *added], dim=1)


class Layer(nn.Module):
    """One layer: reads the ``entering`` coarsest scales and adds ``growth`` × factor channels to ``leaving``."""

    def __init__(self, base: int, growth: int, entering: int, leaving: int) -> None:
        super().__init__()
        self.dropped = entering - leaving
        # The finest of the scales that enter has nothing finer to read.
        self.units = nn.ModuleList(
            ScaleUnit(scale, base, growth, finer=scale > SCALES - entering) for scale in range(SCALES - leaving, SCALES)
        )

    def forward(self, maps: Maps) -> Maps:
        """Grow the maps of every scale that is kept."""
        kept = range(self.dropped, len(maps))
        return [
            unit(maps[index], maps[index - 1] if index else None) for unit, index in zip(self.units, kept, strict=True)
        ]


class Transition(nn.Module):
    """Reduce the base of the ``scales`` coarsest scales from ``base`` to ``reduced`` by 1×1 convolutions."""

    def __init__(self, base: int, reduced: int, scales: int) -> None:
        super().__init__()
        factors = FACTORS[SCALES - scales :]
        self.scales = nn.ModuleList(
            nn.Sequential(*conv_norm_relu(base * factor, reduced * factor, 1)) for factor in factors
        )

    def forward(self, maps: Maps) -> Maps:
        """Reduce the maps of every scale."""
        return [scale(part) for scale, part in zip(self.scales, maps, strict=True)]


def build_blocks(
    layers: Sequence[int], channels: int, growth: int, pool: bool, exits: int
) -> tuple[list[nn.Sequential], list[int]]:
    """Build the first ``exits`` blocks of a network of ``layers`` in each block; also gives the coarsest width of each.

    A scale is dropped every N/4 layers of the whole network's N, and the base is halved there. Scales that only the
    blocks after the last exit would read are left out: a layer reads one scale more than is read of it. (The official
    network, cut after exit 4, has none of these.)
    """
    interval = ceil(sum(layers) / SCALES)
    base, passed, given = channels, 0, SCALES
    blocks, widths = [], []
    for block, depth in enumerate(layers[:exits]):
        parts: list[nn.Module] = [FirstLayer(channels, pool)] if block == 0 else []
        for number in range(passed + 1, passed + depth + 1):
            entering = SCALES - max(0, number - 2) // interval
            leaving = SCALES - (number - 1) // interval
            read = min(leaving, sum(layers[:exits]) - number + 1)
            parts.append(Layer(base, growth, min(entering, given), read))
            given = read
            base += growth
            if entering > leaving:
                reduced = int(REDUCTION * base)
                parts.append(Transition(base, reduced, read))
                base = reduced
        passed += depth
        blocks.append(nn.Sequential(*parts))
        widths.append(base * FACTORS[-1])
    return blocks, widths


class MSDNet(ClassifyingNetwork):
    """MSDNet with an identity classifier at every exit.

    ``layers`` are the layers of every block of the whole network; its first ``exits`` exits are kept. The state is the
    maps of the scales that the next layer reads; after the last exit it is empty. Every layer runs at all of its
    scales, as in the official code. The paper's "lazy evaluation" leaves out a block's finer scales where the query
    exits; it is not used here, since a query that continues would have to compute them later. Raises
    :class:`BenchError` for impossible numbers of exits, layers or channels.
    """

    def __init__(
        self,
        num_identities: int,
        *,
        layers: Sequence[int] = (4, 4, 4, 4, 4),
        channels: int = 32,
        growth: int = 16,
        exits: int = 4,
        pool: bool = True,
        embed_at: str = "head",
    ) -> None:
        super().__init__()
        if not 1 <= exits <= len(layers) or min(layers) < 1:
            raise BenchError(f"msdnet keeps 1 to {len(layers)} exits of blocks of at least 1 layer, not {exits}")
        if growth % 2:
            raise BenchError(f"msdnet's growth is split between two units and must be even, not {growth}")
        blocks, widths = build_blocks(layers, channels, growth, pool, exits)
        self.blocks = nn.ModuleList(blocks)
        self.heads = nn.ModuleList(ConvolutionalHead(width, embed_at) for width in widths)
        self.classifiers = nn.ModuleList(IdentityClassifier(width, num_identities) for width in widths)
        self.exits = tuple(ExitSpec(f"exit {number}", width, "continuous") for number, width in enumerate(widths, 1))

    def start(self, images: Tensor) -> Tensor:
        """The images: the first block makes the maps of every scale."""
        return images

    def step(self, state: Tensor | Maps, exit_index: int) -> tuple[Maps, Tensor]:
        """Run a block at all its scales and embed the coarsest."""
        maps = self.blocks[exit_index](state)
        embedding = self.heads[exit_index](maps[-1])
        return ([] if exit_index == len(self.exits) - 1 else maps), embedding
