"""Encoders by name."""

from __future__ import annotations

from bench.encoders.densenet import DENSENETS, THIN_DENSENETS, densenet
from bench.encoders.encoder import Encoder
from bench.encoders.resnet import NARROW_RESNETS, RESNETS, resnet
from bench.errors import unknown_name

ENCODERS = (*RESNETS, *NARROW_RESNETS, *DENSENETS, *THIN_DENSENETS)


def build_encoder(name: str, *, last_stride: int = 2, weights: str = "none") -> Encoder:
    """Build an encoder by name.

    ``last_stride`` 1 keeps the fourth stage at the third's resolution (a re-identification habit that multiplies the
    fourth stage's cost; the papers keep 2). ``weights`` is ``none``, ``imagenet``, or the path of a state dict.
    """
    if name not in ENCODERS:
        raise unknown_name("backbone", name, ENCODERS)
    build = resnet if name in RESNETS or name in NARROW_RESNETS else densenet
    return build(name, last_stride=last_stride, weights=weights)
