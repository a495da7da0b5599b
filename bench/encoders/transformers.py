"""Transformers of timm, and ConvNeXt, as encoders: their blocks in four stages, their tokens as maps.

A vision transformer (ViT, DeiT) has as many tokens in its last block as in its first. Its blocks are grouped into four
stages of equal length, the later ones longer where they do not divide. Between stages go tokens (B, T, C), those that
stand for the class included; what heads read is maps (B, C, H, W) of the others, where each has its place. Swin and
ConvNeXt have four stages of their own, whose maps halve in size.

The last stage ends with the network's own final norm. Heads on earlier stages get a layer norm of their own before
them, as in the detection code of Swin and ConvNeXt: there, blocks leave sums of many residuals that nothing has
normalised.

What heads after stages 2 to 4 of a vision transformer read is an ending of a backbone's name: ``@class``, the class
token; ``@strips``, the means of four horizontal strips. The first stage keeps the maps, because strips need places.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from torch import nn

from bench.encoders.encoder import Encoder, EncoderFamily
from bench.encoders.tokens import STRIPS, ChannelsFirst, ConvolutionalPatches, SizedStem, TokenMaps, Tokens
from bench.errors import BenchError

PREFIX = "timm:"
READINGS = {"@class": "class", "@strips": "strips"}
"""Endings of a backbone's name, with what they have heads read."""
MODULES = {"vision_transformer": "vit", "deit": "vit", "swin_transformer": "swin", "convnext": "convnext"}
"""Modules of timm whose networks are cut here, with what they hold."""
SIZED = ("vit", "swin")
"""Those that are built for one size of images."""
STAGES = 4
THIN_VITS: dict[str, dict[str, int]] = {
    "vit8-thin": {"patch_size": 8, "embed_dim": 96, "depth": 8, "num_heads": 3},
    "vit8-conv": {"patch_size": 16, "embed_dim": 128, "depth": 8, "num_heads": 4},
}
"""Small encoders for two cores, built of timm's parts."""
CONVOLUTIONAL = ("vit8-conv",)
"""Those whose patches come out of convolutions."""


def split_reading(name: str) -> tuple[str, str]:
    """Split a backbone's name into its own and what heads read: ``class``, ``strips``, or empty for the maps."""
    ending = next((ending for ending in READINGS if name.endswith(ending)), "")
    return name.removesuffix(ending), READINGS.get(ending, "")


def kind_of(name: str) -> str:
    """Say what a network of timm is: ``vit``, ``swin``, ``convnext``, or empty for all others."""
    from timm.models import is_model_in_modules

    return next((kind for module, kind in MODULES.items() if is_model_in_modules(name, [module])), "")


def cut_transformer(whole: Any, kind: str, name: str, input_size: tuple[int, int], *, reading: str = "") -> Encoder:
    """Cut a network of timm of a ``kind`` into an encoder for images of ``input_size`` (height, width).

    ``reading`` is one of :data:`READINGS`. Raises :class:`BenchError` where the network has nothing of that kind.
    """
    if reading == "class" and (kind != "vit" or getattr(whole, "cls_token", None) is None):
        raise BenchError(f"backbone {name} has no class token: leave out @class, and heads read the mean of its maps")
    if reading == "strips" and kind != "vit":
        raise BenchError(f"backbone {name} is no vision transformer: leave out @strips, and heads read all of its maps")
    if kind == "vit":
        return _vision_transformer(whole, name, input_size, reading)
    stages = list(whole.stages if kind == "convnext" else whole.layers)
    if len(stages) != STAGES:
        raise BenchError(f"backbone {name} has {len(stages)} stages, and exits have their places after four")
    widths = tuple(info["num_chs"] for info in whole.feature_info)
    if kind == "convnext":
        from timm.layers import LayerNorm2d

        views = [LayerNorm2d(width) for width in widths[:-1]]
        norm = whole.head.norm if isinstance(whole.norm_pre, nn.Identity) else whole.norm_pre
        return _encoder(whole.stem, stages, [norm], views, widths)
    views = [nn.Sequential(nn.LayerNorm(width), ChannelsFirst()) for width in widths[:-1]]
    stem = SizedStem(whole.patch_embed, name, input_size)
    return _encoder(stem, stages, [whole.norm, ChannelsFirst()], views, widths)


def _vision_transformer(whole: Any, name: str, input_size: tuple[int, int], reading: str) -> Encoder:
    blocks = list(whole.blocks)
    if len(blocks) < STAGES:
        raise BenchError(f"backbone {name} has {len(blocks)} blocks, and four stages need one each")
    ends = [len(blocks) * stage // STAGES for stage in range(STAGES + 1)]
    stages = [nn.Sequential(*blocks[begin:end]) for begin, end in pairwise(ends)]
    width, grid, prefix = int(whole.embed_dim), whole.patch_embed.grid_size, int(whole.num_prefix_tokens)
    if reading == "strips" and grid[0] % STRIPS:
        raise BenchError(
            f"backbone {name} has {grid[0]} rows of patches, which do not make {STRIPS} strips: choose --set "
            "input_size=HEIGHTxWIDTH with another height, or leave out @strips"
        )
    # Where a network averages tokens before its final norm, the norm stands apart.
    norm = whole.norm if not isinstance(whole.norm, nn.Identity) else whole.fc_norm
    maps = [TokenMaps(grid, prefix, reading if stage > 1 else "") for stage in range(1, STAGES + 1)]
    views = [nn.Sequential(nn.LayerNorm(width), view) for view in maps[:-1]]
    whole.blocks, whole.norm, whole.fc_norm = nn.Sequential(), nn.Identity(), nn.Identity()
    stem = SizedStem(Tokens(whole), name, input_size)
    later = width * STRIPS if reading == "strips" else width
    return _encoder(stem, stages, [norm, maps[-1]], views, (width, *[later] * (STAGES - 1)))


def _encoder(
    stem: nn.Module, stages: Sequence[nn.Module], last: Sequence[nn.Module], views: list[Any], widths: tuple[int, ...]
) -> Encoder:
    stages = [*stages[:-1], nn.Sequential(stages[-1], *last)]
    return Encoder(stem, tuple(stages), widths, views=(*views, nn.Identity()))


def build_for(name: str, input_size: tuple[int, int], settings: dict[str, Any]) -> Any:
    """Build a vision transformer, or a Swin, for images of a size. Raises :class:`BenchError` where it does not fit."""
    import timm

    patch = timm.create_model(name, num_classes=0, depth=1).patch_embed.patch_size if kind_of(name) == "vit" else (4, 4)
    check_patches(name, input_size, patch)
    return timm.create_model(name, num_classes=0, img_size=input_size, **settings)


def check_patches(name: str, input_size: tuple[int, int], patch: tuple[int, ...]) -> None:
    """Raise :class:`BenchError` where patches do not cover images of a size."""
    if any(side % one for side, one in zip(input_size, patch, strict=True)):
        raise BenchError(
            f"backbone {name} reads patches of {patch[0]}×{patch[1]}, which do not cover images of "
            f"{input_size[0]}×{input_size[1]}: choose --set input_size=HEIGHTxWIDTH of their multiples"
        )


def thin_vision_transformer(name: str, *, weights: str, input_size: tuple[int, int]) -> Encoder:
    """Build a small vision transformer; an ending of :data:`READINGS` says what heads read.

    Raises :class:`BenchError` where timm is missing, for pretrained weights, which do not exist, and for images that
    its patches do not cover.
    """
    from importlib.util import find_spec

    if find_spec("timm") is None:
        raise BenchError(f"backbone {name} needs the library timm: pip install timm")
    from timm.models.vision_transformer import VisionTransformer

    if weights != "none":
        raise BenchError(f"encoder {name} has no pretrained weights: use --weights none, or a transformer of timm")
    plain, reading = split_reading(name)
    settings = THIN_VITS[plain]
    check_patches(name, input_size, (settings["patch_size"],) * 2)
    whole = VisionTransformer(img_size=input_size, num_classes=0, **settings)
    if plain in CONVOLUTIONAL:
        whole.patch_embed.proj = ConvolutionalPatches(settings["embed_dim"])
    return cut_transformer(whole, "vit", name, input_size, reading=reading)


FAMILY = EncoderFamily(
    thin_vision_transformer, names=tuple(name + ending for name in THIN_VITS for ending in ("", *READINGS)), sized=True
)
