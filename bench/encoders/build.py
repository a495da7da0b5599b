"""Encoders by name: families are found through the entry points of the group ``bench.encoders``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from bench import registry
from bench.encoders.encoder import Encoder, EncoderFamily
from bench.errors import BenchError, unknown_name


def encoder_of(options: Mapping[str, Any], input_size: tuple[int, int]) -> Encoder:
    """Build the encoder that a method's options name: ``backbone``, ``last_stride`` and ``weights``.

    Raises :class:`BenchError` as :func:`build_encoder` does.
    """
    return build_encoder(
        str(options["backbone"]),
        last_stride=int(options["last_stride"]),
        weights=str(options["weights"]),
        input_size=input_size,
    )


def build_encoder(
    name: str, *, last_stride: int = 2, weights: str = "none", input_size: tuple[int, int] = (256, 128)
) -> Encoder:
    """Build an encoder by its name in one of the registered families, or as ``timm:NAME``.

    ``last_stride`` 1 keeps the fourth stage at the third's resolution (usual in re-identification; it multiplies the
    cost of the fourth stage; the papers keep 2). ``weights`` is ``none``, ``imagenet``, or the path of a state dict.
    ``input_size`` (height, width) is that of the images, which some encoders are built for. Raises :class:`BenchError`
    for an unknown name, another stride, an encoder without a stride to change, or weights that do not fit.
    """
    if last_stride not in (1, 2):
        raise BenchError(f"last_stride is 1 or 2, not {last_stride}")
    encoder = _build(name, weights, input_size)
    if last_stride == 1 and not _without_stride(encoder.stages[-1]):
        raise BenchError(
            f"last_stride=1 changes nothing in backbone {name}: its last stage has no convolution or pooling of stride "
            "2 that can go without; say --set last_stride=2"
        )
    return encoder


def _without_stride(stage: nn.Module) -> bool:
    """Change strides of 2 in a stage to 1; gives whether there were any."""
    found = False
    for module in stage.modules():
        if isinstance(module, (nn.Conv2d, nn.AvgPool2d)) and _sides(module.stride) == (2, 2):
            if isinstance(module, nn.AvgPool2d):
                module.kernel_size = 1
            elif not all(side % 2 for side in module.kernel_size):
                continue  # patches that do not overlap: at stride 1 it would be another operation
            module.stride = (1, 1)
            found = True
    return found


def _build(name: str, weights: str, input_size: tuple[int, int]) -> Encoder:
    families: list[EncoderFamily] = [registry.load("encoder", family) for family in registry.names("encoder")]
    for family in families:
        given = {"weights": weights, **({"input_size": input_size} if family.sized else {})}
        if name in family.names:
            return family.build(name, **given)
        if family.prefix and name.startswith(family.prefix):
            return family.build(name.removeprefix(family.prefix), **given)
    known = [name for family in families for name in family.names]
    raise unknown_name("backbone", name, [*known, *(f"{family.prefix}NAME" for family in families if family.prefix)])


def _sides(stride: int | tuple[int, ...]) -> tuple[int, ...]:
    return (stride, stride) if isinstance(stride, int) else tuple(stride)
