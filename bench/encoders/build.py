"""Encoders by name: families are found through the entry points of the group ``bench.encoders``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from bench import registry
from bench.encoders.encoder import Encoder, EncoderFamily
from bench.errors import BenchError, unknown_name

SMALL_PIXELS = 32
"""Images that are less high or wide may be too small for a stage's pooling."""


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
    for an unknown name, another stride, an encoder without a stride to change or that does not run with it on images of
    that size, or weights that do not fit.
    """
    if last_stride not in (1, 2):
        raise BenchError(f"last_stride is 1 or 2, not {last_stride}")
    encoder, known = _build(name, weights, input_size)
    if last_stride == 1 and not _without_stride(encoder.stages[-1]):
        raise BenchError(
            f"last_stride=1 changes nothing in backbone {name}: its last stage has no convolution or pooling of stride "
            "2 that can go without; say --set last_stride=2"
        )
    if not known or min(input_size) < SMALL_PIXELS:
        _check_runs(encoder, name, last_stride, input_size)
    return encoder


@torch.no_grad()
def _check_runs(encoder: Encoder, name: str, last_stride: int, input_size: tuple[int, int]) -> None:
    """Run an encoder on one image: a stranger's stages may not go without a stride, or round sizes in two ways."""
    state = torch.zeros(1, 3, *input_size)
    for part in (encoder.stem, *encoder.stages):
        modes = {module: module.training for module in part.modules()}
        try:
            state = part.eval()(state)
        except BenchError:
            raise
        except Exception as problem:  # a stranger's modules
            reason = (str(problem) or type(problem).__name__).splitlines()[0]
            height, width = input_size
            changed = " with last_stride=1" if last_stride == 1 else ""
            hint = "--set last_stride=2, or another" if last_stride == 1 else "another"
            raise BenchError(
                f"backbone {name} does not run on images of {height}×{width}{changed} ({reason}): try {hint} --set "
                "input_size=HEIGHTxWIDTH"
            ) from problem
        finally:
            for module, training in modes.items():
                module.training = training


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


def _build(name: str, weights: str, input_size: tuple[int, int]) -> tuple[Encoder, bool]:
    """Build an encoder with its own strides; and whether its family knows its name, not a prefix alone."""
    families: list[EncoderFamily] = [registry.load("encoder", family) for family in registry.names("encoder")]
    for family in families:
        given = {"weights": weights, **({"input_size": input_size} if family.sized else {})}
        if name in family.names:
            return family.build(name, **given), True
        if family.prefix and name.startswith(family.prefix):
            return family.build(name.removeprefix(family.prefix), **given), False
    known = [name for family in families for name in family.names]
    raise unknown_name("backbone", name, [*known, *(f"{family.prefix}NAME" for family in families if family.prefix)])


def _sides(stride: int | tuple[int, ...]) -> tuple[int, ...]:
    return (stride, stride) if isinstance(stride, int) else tuple(stride)
