"""HAN (Li et al., IJCV 2020): a branch for the whole image and one for four attended regions, at three levels.

The paper's text leaves open how a unit is built; its totals of 368, 533 and 701 million multiply-adds are the only
other evidence. This reading comes closest to them:

* A unit of the global branch is a 1×1 convolution and a depthwise separable 3×3 one, which has the stride.
* A unit of the local branch has the separable convolution first, both of stride 1; 2×2 means halve its maps.
* The 1×1 convolution that fuses soft attention is left out at the first level.

The regions share the weights of the local branch, as the paper says, and here its batch norm too: in training it takes
one mean and variance over the four regions of all images.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from baselines.networks.attention import HardAttention, SoftAttention
from baselines.networks.length import unit_length
from baselines.networks.lite import ConvNorm, initialise
from bench.errors import BenchError
from bench.networks import ExitOutput, ExitSpec, MultiExitNetwork

LEVELS = (1, 2, 3)
REGIONS = 4
REGION_SIZES = ((24, 28), (12, 14), (6, 7))
"""Height and width that the regions of each level are sampled to (section 4, implementation details)."""

State = tuple[Tensor, ...]
"""Attended maps (B, C, H, W), and behind the first level streams (B, regions, C, h, w), where there are any."""


class Separable(nn.Module):
    """A depthwise 3×3 convolution of a stride and a 1×1 one, with batch norm and ReLU."""

    def __init__(self, entering: int, leaving: int, stride: int = 1) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(entering, entering, 3, stride, 1, groups=entering, bias=False)
        self.pointwise = ConvNorm(entering, leaving)

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve maps (B, C, H, W)."""
        return self.pointwise(self.depthwise(maps))


class Level(nn.Module):
    """A level of both branches: three units and harmonious attention, and one unit for all regions.

    ``soft`` are the settings of :class:`SoftAttention`; without spatial and channel attention there is none. The
    regions are cut from the level's *input*. With ``cross`` they are added to the streams of the level before.
    """

    def __init__(
        self,
        entering: int,
        leaving: int,
        strides: Sequence[int],
        region_size: tuple[int, int] | None,
        *,
        soft: dict[str, bool],
        cross: bool,
        last: bool,
    ) -> None:
        super().__init__()
        units: list[nn.Module] = []
        for stride in strides:
            units += [ConvNorm(entering if not units else leaving, leaving), Separable(leaving, leaving, stride)]
        self.block = nn.Sequential(*units)
        self.soft = SoftAttention(leaving, **soft) if soft["spatial"] or soft["channel"] else None
        self.hard = HardAttention(leaving, REGIONS, region_size) if region_size and cross else None
        self.local = None
        if region_size:
            halve = [] if last else [nn.AvgPool2d(2)]
            self.local = nn.Sequential(Separable(entering, leaving), ConvNorm(leaving, leaving), *halve)

    def forward(self, state: State) -> State:
        """Run the level on maps and, behind the first level, streams."""
        maps, *streams = state
        attended = self.block(maps)
        means = attended.mean(dim=(2, 3))
        entering = [self.hard(maps, means), *streams] if self.hard is not None else streams
        if self.soft is not None:
            attended = self.soft(attended, means)
        if self.local is None:
            return (attended,)
        regions = sum(entering[1:], entering[0])
        return attended, self.local(regions.flatten(0, 1)).unflatten(0, (-1, REGIONS))


class Branches(nn.Module):
    """Head of an exit: maps and streams → features of the branches, each (B, dim): FC–BN–ReLU on their means."""

    def __init__(self, channels: int, dim: int, local: bool) -> None:
        super().__init__()
        widths = [channels, *([REGIONS * channels] if local else [])]
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(width, dim), nn.BatchNorm1d(dim), nn.ReLU(inplace=True)) for width in widths
        )

    def forward(self, state: State) -> list[Tensor]:
        """Give the features of each branch."""
        means = [part.mean(dim=(-2, -1)).flatten(1) for part in state]
        return [layer(mean) for layer, mean in zip(self.layers, means, strict=True)]


class HAN(MultiExitNetwork):
    """HAN with one exit, or with ``early_exits`` one after each of the three levels.

    ``strides`` are those of the three units of every level: 2,1,1 small, 1,2,1 medium, 1,1,2 large. ``width`` are the
    channels of the first level; the others have two and three times as many. ``regions`` is off for a network without
    hard attention, which has no local branch; ``cross`` is the cross-attention. ``fused`` are the levels (from 1) whose
    soft attention has its 1×1 convolution. The embedding is the branches' features, each normalised to length 1. Raises
    :class:`BenchError` where ``fused`` has another number than those of the levels.
    """

    def __init__(
        self,
        num_identities: int,
        *,
        strides: Sequence[int],
        width: int,
        dim: int,
        spatial: bool = True,
        channel: bool = True,
        regions: bool = True,
        cross: bool = True,
        fused: Sequence[int] = (2, 3),
        early_exits: bool = False,
    ) -> None:
        super().__init__()
        if not set(fused) <= set(LEVELS):
            raise BenchError(f"fused_levels={','.join(map(str, fused))}: the levels are {', '.join(map(str, LEVELS))}")
        widths = [max(width // 4, 1), width, 2 * width, 3 * width]
        self.stem = ConvNorm(3, widths[0], 3, stride=2)
        self.levels = nn.ModuleList(
            Level(
                widths[number - 1],
                widths[number],
                strides,
                REGION_SIZES[number - 1] if regions else None,
                soft={"spatial": spatial, "channel": channel, "fuse": number in fused},
                cross=cross or number == 1,
                last=number == LEVELS[-1],
            )
            for number in LEVELS
        )
        self.exit_levels = LEVELS if early_exits else LEVELS[-1:]
        self.heads = nn.ModuleList(Branches(widths[level], dim, regions) for level in self.exit_levels)
        branches = 1 + regions
        self.classifiers = nn.ModuleList(
            nn.ModuleList(nn.Linear(dim, num_identities) for _ in range(branches)) for _ in self.exit_levels
        )
        self.exits = tuple(ExitSpec(f"exit {level}", branches * dim, "continuous") for level in self.exit_levels)
        initialise(self)
        for module in self.modules():
            if isinstance(module, (HardAttention, SoftAttention)):
                module.reset()

    def start(self, images: Tensor) -> State:
        """Run the stem on images (B, 3, H, W)."""
        return (self.stem(images),)

    def step(self, state: State, exit_index: int) -> tuple[State, Tensor]:
        """Run the levels up to an exit; the embedding joins both branches."""
        state = self._go_on(state, exit_index)
        embedding = _joined(self.heads[exit_index](state))
        return (() if exit_index == len(self.exits) - 1 else state), embedding

    def _go_on(self, state: State, exit_index: int) -> State:
        begin = self.exit_levels[exit_index - 1] if exit_index else 0
        for level in self.levels[begin : self.exit_levels[exit_index]]:
            state = level(state)
        return state

    def first_features(self, state: State, embedding: Tensor) -> Tensor:
        """The embedding (B, dim) of the first exit."""
        return embedding

    def outputs(self, images: Tensor, num_exits: int | None = None) -> list[ExitOutput]:
        """Outputs for training, with the extras ``logits N`` and ``features N`` of each branch."""
        state = self.start(images)
        outputs = []
        for index, head in enumerate(list(self.heads)[:num_exits]):
            state = self._go_on(state, index)
            features = head(state)
            extras = {f"features {number}": feature for number, feature in enumerate(features, start=1)}
            classifiers = self.classifiers[index]
            assert isinstance(classifiers, nn.ModuleList)
            for number, (classify, feature) in enumerate(zip(classifiers, features, strict=True), start=1):
                extras[f"logits {number}"] = classify(feature)
            embedding = _joined(features)
            outputs.append(ExitOutput(embedding, embedding, None, extras))
        return outputs


def _joined(features: Sequence[Tensor]) -> Tensor:
    return torch.cat([unit_length(feature) for feature in features], dim=1)
