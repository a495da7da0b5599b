"""What an encoder is to the methods that put exits on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Encoder:
    """A stem and four stages whose maps halve in size; ``widths`` (4,) are the channels that leave each stage.

    ``preactivated`` encoders (DenseNet) normalise and rectify maps where they are read, not where they are made: what
    reads the maps of their first three stages brings its own batch norm and ReLU.
    """

    stem: nn.Module
    stages: tuple[nn.Module, nn.Module, nn.Module, nn.Module]
    widths: tuple[int, int, int, int]
    preactivated: bool = False


@dataclass(frozen=True)
class EncoderFamily:
    """Encoders that one module builds: the one value that a plug-in of the group ``bench.encoders`` registers.

    ``build(name, weights=...)`` gives the encoder; ``weights`` is ``none``, ``imagenet`` or the path of a state dict.
    It raises :class:`bench.errors.BenchError` for weights that do not fit. ``names`` are the encoders' names. A family
    whose names are not known beforehand has a ``prefix`` instead: ``timm:`` stands for every name that begins with it,
    and ``build`` gets what follows.
    """

    build: Callable[..., Encoder]
    names: tuple[str, ...] = ()
    prefix: str = ""
