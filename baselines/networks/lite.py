"""Units of light networks, which OSNet and CDNet share: convolutions with norm, lite convolutions, the channel gate."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from bench.errors import BenchError

LEAST_PIXELS = 13
"""Height or width of images of which the stems of OSNet and CDNet, which round up, leave four rows or columns."""


class ConvNorm(nn.Module):
    """A convolution without bias, padded to keep the size at stride 1, with batch norm and, if ``active``, ReLU."""

    def __init__(self, entering: int, leaving: int, kernel: int = 1, stride: int = 1, *, active: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(entering, leaving, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(leaving)
        self.active = active

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve maps (B, C, H, W)."""
        maps = self.bn(self.conv(maps))
        return F.relu(maps) if self.active else maps


class Lite(nn.Module):
    """OSNet's lite 3×3: a 1×1 convolution without norm, a 3×3 depthwise one, batch norm and ReLU (section 3.1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve maps (B, C, H, W)."""
        return F.relu(self.bn(self.depthwise(self.pointwise(maps))))


def lite_stream(channels: int, depth: int) -> nn.Sequential:
    """Lite 3×3 convolutions in series: the receptive field of one of (2·depth + 1) × (2·depth + 1)."""
    return nn.Sequential(*(Lite(channels) for _ in range(depth)))


class ChannelGate(nn.Module):
    """A gate in (0, 1) for every channel of maps (B, C, H, W), from their means through two layers, multiplied in."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.fc2 = nn.Conv2d(hidden, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """Gate maps (B, C, H, W)."""
        means = F.adaptive_avg_pool2d(maps, 1)
        return maps * self.fc2(F.relu(self.fc1(means))).sigmoid()


class StreamBlock(nn.Module):
    """A residual block of lite streams: 1×1 to a quarter, streams gated by one gate and summed, 1×1, shortcut, ReLU.

    ``depths`` are the lite convolutions of each stream: (1, 2, 3, 4) in OSNet's block, two of them in CDNet's.
    """

    def __init__(self, entering: int, leaving: int, depths: tuple[int, ...], reduction: int) -> None:
        super().__init__()
        inner = leaving // 4
        self.reduce = ConvNorm(entering, inner)
        self.streams = nn.ModuleList(lite_stream(inner, depth) for depth in depths)
        self.gate = ChannelGate(inner, reduction)
        self.expand = ConvNorm(inner, leaving, active=False)
        self.shortcut = ConvNorm(entering, leaving, active=False) if entering != leaving else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        """Run the block on maps (B, C, H, W)."""
        reduced = self.reduce(maps)
        gated = [self.gate(stream(reduced)) for stream in self.streams]
        return F.relu(self.expand(sum(gated[1:], gated[0])) + self.shortcut(maps))


def halving(channels: int) -> nn.Sequential:
    """What ends a stage of OSNet and CDNet: a 1×1 convolution, and the means of 2×2 windows."""
    return nn.Sequential(ConvNorm(channels, channels), nn.AvgPool2d(2))


def check_room(input_size: tuple[int, int]) -> None:
    """Raise :class:`BenchError` where images (height, width) are too small for a stem and two halvings."""
    if min(input_size) < LEAST_PIXELS:
        height, width = input_size
        raise BenchError(
            f"images of {height}×{width} are too small for this network, whose maps are halved four times: expected "
            f"--set input_size=HEIGHTxWIDTH of at least {LEAST_PIXELS} pixels each"
        )


def initialise(network: nn.Module) -> None:
    """Start convolutions as He et al. 2015 (by fan-out), linear layers at N(0, 0.01), as OSNet's public code does.

    CDNet's code goes by fan-in, and has N(0, 0.001); of HAN there is none.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
        if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
            nn.init.zeros_(module.bias)
