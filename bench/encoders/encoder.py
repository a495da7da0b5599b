"""The encoder that methods add exits to, and families of encoders as values of a registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Encoder:
    """A stem and four stages whose maps halve in size; ``widths`` (4,) are the output channels of each stage.

    ``preactivated`` encoders (DenseNet) normalise maps at the input of the next layer, not at the output: a head on one
    of the first three stages needs a batch norm and a ReLU of its own.
    """

    stem: nn.Module
    stages: tuple[nn.Module, nn.Module, nn.Module, nn.Module]
    widths: tuple[int, int, int, int]
    preactivated: bool = False


@dataclass(frozen=True)
class EncoderFamily:
    """Encoders that one module builds: the value that a plug-in of the group ``bench.encoders`` registers.

    ``build(name, weights=...)`` gives the encoder; ``weights`` is ``none``, ``imagenet`` or the path of a state dict.
    It raises :class:`bench.errors.BenchError` for weights that do not fit. ``names`` are the names of the encoders. A
    family with names that are not known in advance has a ``prefix`` instead, such as ``timm:``; ``build`` then gets the
    rest of the name.
    """

    build: Callable[..., Encoder]
    names: tuple[str, ...] = ()
    prefix: str = ""
