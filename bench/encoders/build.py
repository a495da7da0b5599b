"""Encoders by name: families are found through the entry points of the group ``bench.encoders``."""

from __future__ import annotations

from torch import nn

from bench import registry
from bench.encoders.encoder import Encoder, EncoderFamily
from bench.errors import BenchError, unknown_name


def build_encoder(name: str, *, last_stride: int = 2, weights: str = "none") -> Encoder:
    """Build an encoder by its name in one of the registered families, or as ``timm:NAME``.

    ``last_stride`` 1 keeps the fourth stage at the third's resolution (usual in re-identification; it multiplies the
    cost of the fourth stage; the papers keep 2). ``weights`` is ``none``, ``imagenet``, or the path of a state dict.
    Raises :class:`BenchError` for an unknown name, another stride, or weights that do not fit.
    """
    if last_stride not in (1, 2):
        raise BenchError(f"last_stride is 1 or 2, not {last_stride}")
    encoder = _build(name, weights)
    if last_stride == 1:
        for module in encoder.stages[3].modules():
            if isinstance(module, (nn.Conv2d, nn.AvgPool2d)) and _sides(module.stride) == (2, 2):
                module.stride = (1, 1)
                if isinstance(module, nn.AvgPool2d):
                    module.kernel_size = 1
    return encoder


def _build(name: str, weights: str) -> Encoder:
    families: list[EncoderFamily] = [registry.load("encoder", family) for family in registry.names("encoder")]
    for family in families:
        if name in family.names:
            return family.build(name, weights=weights)
        if family.prefix and name.startswith(family.prefix):
            return family.build(name.removeprefix(family.prefix), weights=weights)
    known = [name for family in families for name in family.names]
    raise unknown_name("backbone", name, [*known, *(f"{family.prefix}NAME" for family in families if family.prefix)])


def _sides(stride: int | tuple[int, ...]) -> tuple[int, ...]:
    return (stride, stride) if isinstance(stride, int) else tuple(stride)
