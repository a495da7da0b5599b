"""Harmonious attention (Li et al., IJCV 2020, section 3.2): soft attention on maps, hard attention on regions."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.networks.lite import ConvNorm

REDUCTION = 16
"""Bottleneck of the channel attention (section 3.2)."""


class SoftAttention(nn.Module):
    """Weights in (0, 1) for every place and channel of maps (B, C, H, W): equation 3, and what follows it.

    ``spatial``: the mean over channels, a 3×3 convolution of stride 2, bilinear resizing, one learned scale (equation
    4). ``channel``: two layers on the mean over places (equations 5 and 6). With both, ``fuse`` adds a 1×1 convolution
    on their product. Batch norm and ReLU follow every convolution but the scale: a norm would undo it.
    """

    def __init__(self, channels: int, *, spatial: bool, channel: bool, fuse: bool) -> None:
        super().__init__()
        self.look = ConvNorm(1, 1, 3, stride=2) if spatial else None
        self.scale = nn.Conv2d(1, 1, 1, bias=False) if spatial else None
        self.excite = None
        if channel:
            inner = max(channels // REDUCTION, 1)
            self.excite = nn.Sequential(ConvNorm(channels, inner), ConvNorm(inner, channels))
        self.fuse = ConvNorm(channels, channels) if spatial and channel and fuse else nn.Identity()
        self.reset()

    def reset(self) -> None:
        """Start the scale at 1."""
        if self.scale is not None:
            nn.init.ones_(self.scale.weight)

    def forward(self, maps: Tensor, means: Tensor) -> Tensor:
        """Weigh maps (B, C, H, W), whose means over places are ``means`` (B, C)."""
        factors: list[Tensor] = []
        if self.look is not None and self.scale is not None:
            coarse = self.look(maps.mean(dim=1, keepdim=True))
            size = (int(maps.shape[2]), int(maps.shape[3]))
            factors.append(self.scale(F.interpolate(coarse, size=size, mode="bilinear", align_corners=False)))
        if self.excite is not None:
            factors.append(self.excite(means[:, :, None, None]))
        attention = factors[0] * factors[1] if len(factors) == 2 else factors[0]
        return maps * self.fuse(attention).sigmoid()


class HardAttention(nn.Module):
    """Regions of maps (B, C, H, W), as wide as the maps and 1/``regions`` of their height: (B, regions, C, h, w).

    Where each region lies is learned from the means of the block's output: one layer and a tanh (equation 7); its size
    is fixed. The regions start as equal stripes. ``size`` (h, w) is what they are sampled to.
    """

    def __init__(self, channels: int, regions: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.locate = nn.Linear(channels, 2 * regions)
        y, x = (torch.linspace(1 / side - 1, 1 - 1 / side, side) for side in size)
        grid = torch.stack([x.expand(size), (y[:, None] / regions).expand(size)], dim=-1)
        self.register_buffer("grid", grid, persistent=False)
        self.regions, self.size = regions, size
        self.reset()

    def reset(self) -> None:
        """Start with equal stripes, whatever the image."""
        nn.init.zeros_(self.locate.weight)
        rows = [math.atanh((2 * number + 1) / self.regions - 1) for number in range(self.regions)]
        with torch.no_grad():
            self.locate.bias.copy_(torch.tensor([value for row in rows for value in (0.0, row)]))

    def forward(self, maps: Tensor, means: Tensor) -> Tensor:
        """Sample regions of maps (B, C, H, W), where ``means`` (B, F) of the block's output say."""
        centres = torch.tanh(self.locate(means).float()).unflatten(1, (self.regions, 2))
        # Regions are stacked: one sampling for all. Positions need more than half precision.
        grid = (self.grid + centres[:, :, None, None, :]).flatten(1, 2)
        sampled = F.grid_sample(maps.float(), grid, align_corners=False)
        return sampled.to(maps.dtype).unflatten(2, (self.regions, self.size[0])).transpose(1, 2)
