"""Encoders by name."""

from __future__ import annotations

from torch import nn

from bench.encoders.densenet import DENSENETS, THIN_DENSENETS, densenet
from bench.encoders.encoder import Encoder
from bench.encoders.mobile import MOBILE, mobile
from bench.encoders.pytorch_image_models import PREFIX, timm_encoder
from bench.encoders.resnet import NARROW_RESNETS, RESNETS, resnet
from bench.errors import BenchError, unknown_name

ENCODERS = (*RESNETS, *NARROW_RESNETS, *DENSENETS, *THIN_DENSENETS, *MOBILE)


def build_encoder(name: str, *, last_stride: int = 2, weights: str = "none") -> Encoder:
    """Build an encoder by name: one of :data:`ENCODERS`, or ``timm:NAME``.

    ``last_stride`` 1 keeps the fourth stage at the third's resolution (a re-identification habit that multiplies the
    fourth stage's cost; the papers keep 2). ``weights`` is ``none``, ``imagenet``, or the path of a state dict.
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
    if name.startswith(PREFIX):
        return timm_encoder(name.removeprefix(PREFIX), weights=weights)
    if name in MOBILE:
        return mobile(name, weights=weights)
    if name in RESNETS or name in NARROW_RESNETS:
        return resnet(name, weights=weights)
    if name in DENSENETS or name in THIN_DENSENETS:
        return densenet(name, weights=weights)
    raise unknown_name("backbone", name, [*ENCODERS, f"{PREFIX}NAME"])


def _sides(stride: int | tuple[int, ...]) -> tuple[int, ...]:
    return (stride, stride) if isinstance(stride, int) else tuple(stride)
