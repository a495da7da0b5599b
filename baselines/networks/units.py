"""Modules that MSDNet and RANet share: convolution units, and the head of an exit.

Operations, concatenations and parameters are in the order of the official implementations, so that their weights can be
copied by position (:mod:`baselines.networks.official`).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.errors import BenchError


class SteppingConvolution(nn.Conv2d):
    """A padded convolution that takes no wide steps along a map of one row or column, where every stride ends alike.

    With a stride of 2 over one column, the weights' gradient in bfloat16 holds whatever was in memory on processors
    that have AVX-512 and no units for bfloat16 (torch 2.14.1).
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve maps (B, C, H, W)."""
        # The sizes of a trace are tensors, and nothing is learned from one.
        if torch.jit.is_tracing() or min(maps.shape[2:]) > 1:
            return super().forward(maps)
        stride = [1 if size == 1 else step for size, step in zip(maps.shape[2:], self.stride, strict=True)]
        return F.conv2d(maps, self.weight, self.bias, stride, self.padding, self.dilation, self.groups)


def conv_norm_relu(entering: int, leaving: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    """Convolution without bias, padded to keep the size at stride 1; batch norm; ReLU."""
    return [
        SteppingConvolution(entering, leaving, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(leaving),
        nn.ReLU(inplace=True),
    ]


def first_convolution(channels: int, pool: bool) -> nn.Sequential:
    """First scale of the stem: 7×7 convolution of stride 2 *with* bias, norm, ReLU and, if ``pool``, 3×3 pooling."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, channels, 7, stride=2, padding=3),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
    ]
    if pool:
        layers.append(nn.MaxPool2d(3, stride=2, padding=1))
    return nn.Sequential(*layers)


def bottleneck(entering: int, leaving: int, width: int, stride: int = 1) -> nn.Sequential:
    """A unit: 1×1 to at most ``width`` × ``leaving`` channels, 3×3 to ``leaving``, each with norm and ReLU."""
    inner = min(entering, width * leaving)
    return nn.Sequential(*conv_norm_relu(entering, inner, 1), *conv_norm_relu(inner, leaving, 3, stride))


class ConvolutionalHead(nn.Module):
    """Exit of MSDNet and RANet: maps (B, C, H, W) → embedding (B, C) through two 3×3 convolutions of stride 2.

    The official head then averages 2×2 windows, for which a map of 8×4 (input 256×128) has become too small. The mean
    over the whole map is equal to it for the authors' square inputs, and works for any. ``embed_at`` ``map`` leaves the
    convolutions out: the length in HashReID's Table 1 fits both. Raises :class:`BenchError` for another ``embed_at``.
    """

    def __init__(self, channels: int, embed_at: str = "head") -> None:
        super().__init__()
        if embed_at not in ("head", "map"):
            raise BenchError(f"embed_at is head or map, not {embed_at!r}")
        layers = [*conv_norm_relu(channels, channels, 3, 2), *conv_norm_relu(channels, channels, 3, 2)]
        self.convolutions = nn.Sequential(*(layers if embed_at == "head" else ()))

    def forward(self, maps: Tensor) -> Tensor:
        """Embed maps (B, C, H, W)."""
        return F.adaptive_avg_pool2d(self.convolutions(maps), 1).flatten(1)
