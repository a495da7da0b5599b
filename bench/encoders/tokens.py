"""Parts of transformers as encoders: a stem of one size, tokens with their positions, tokens laid out as maps."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from bench.errors import BenchError

STRIPS = 4
"""Strips of the reading that has heads read the means of strips, as HashReID's first exit does in the paper."""


class SizedStem(nn.Module):
    """A stem that takes images of one size: positions were learned, or windows laid, for that size."""

    def __init__(self, stem: nn.Module, name: str, input_size: tuple[int, int]) -> None:
        super().__init__()
        self.stem = stem
        self.name = name
        self.input_size = tuple(input_size)

    def forward(self, images: Tensor) -> Tensor:
        """Run the stem on images (B, 3, H, W). Raises :class:`BenchError` where they have another size."""
        if images.shape[2:] != self.input_size:
            raise BenchError(
                f"this {self.name} was built for images of {self.input_size} (height, width) and got "
                f"{tuple(images.shape[2:])}. Build one for that size"
            )
        return self.stem(images)


class Tokens(nn.Module):
    """Images (B, 3, H, W) → tokens (B, T, C) with their positions: what a vision transformer does before its blocks."""

    def __init__(self, whole: Any) -> None:
        super().__init__()
        self.whole = whole

    def forward(self, images: Tensor) -> Tensor:
        """Embed patches, add positions and the tokens that are no patches."""
        whole = self.whole
        return whole.norm_pre(whole.patch_drop(whole._pos_embed(whole.patch_embed(images))))


class TokenMaps(nn.Module):
    """Tokens (B, T, C) → maps of the patches (B, C, H, W), or of what a ``reading`` makes of them, of one place.

    ``class``: the token that stands for the class, (B, C, 1, 1). ``strips``: the means of four horizontal strips, one
    after another, (B, 4·C, 1, 1), top strip first.
    """

    def __init__(self, grid: tuple[int, int], prefix: int, reading: str = "") -> None:
        super().__init__()
        self.grid = grid
        self.prefix = prefix
        self.reading = reading

    def forward(self, tokens: Tensor) -> Tensor:
        """Lay tokens out as maps."""
        if self.reading == "class":
            return tokens[:, 0, :, None, None]
        patches = tokens[:, self.prefix :]
        if self.reading == "strips":
            # Rows follow one another, so that a strip's tokens do.
            return patches.unflatten(1, (STRIPS, -1)).mean(dim=2).flatten(1)[:, :, None, None]
        return patches.transpose(1, 2).unflatten(2, self.grid)


class ChannelsFirst(nn.Module):
    """Maps (B, H, W, C) → (B, C, H, W)."""

    def forward(self, maps: Tensor) -> Tensor:
        """Move the channels."""
        return maps.permute(0, 3, 1, 2)


class ConvolutionalPatches(nn.Module):
    """Images (B, 3, H, W) → patches of 16×16 as maps (B, C, H/16, W/16), by five convolutions in place of one.

    Four of 3×3 with stride 2, each with batch norm and ReLU, whose channels double up to C, and one of 1×1: the stem
    of Xiao et al. (NeurIPS 2021, arXiv 2106.14881), with which vision transformers learn from less.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = [3, width // 8, width // 4, width // 2, width]
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            layers += [nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, width, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Embed patches."""
        maps: Tensor = self.layers(images)
        return maps
