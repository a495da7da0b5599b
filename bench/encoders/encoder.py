"""The encoder that methods add exits to, and families of encoders as values of a registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Encoder:
    """A stem and stages, usually four, after each of which there may be an exit.

    A stage passes a state to the next: its maps (B, C, H, W), or what else the next one reads. ``views`` turn the state
    that each stage leaves into maps (B, C, H, W) for a head; without them a state is maps. The last stage always leaves
    maps. ``widths`` are the channels of the maps of each stage. In convolutional encoders the maps halve in size from
    stage to stage.

    ``preactivated`` encoders (DenseNet) normalise maps at the input of the next layer, not at the output: a head on one
    of the stages before the last needs a batch norm and a ReLU of its own.
    """

    stem: nn.Module
    stages: tuple[nn.Module, ...]
    widths: tuple[int, ...]
    preactivated: bool = False
    views: tuple[nn.Module, ...] = ()

    def view(self, stage: int) -> nn.Module:
        """Give the module that turns the state after a stage, from 1, into maps (B, C, H, W)."""
        return self.views[stage - 1] if self.views else nn.Identity()


@dataclass(frozen=True)
class EncoderFamily:
    """Encoders that one module builds: the value that a plug-in of the group ``bench.encoders`` registers.

    ``build(name, weights=...)`` gives the encoder; ``weights`` is ``none``, ``imagenet`` or the path of a state dict.
    It raises :class:`bench.errors.BenchError` for weights that do not fit. ``names`` are the names of the encoders. A
    family with names that are not known in advance has a ``prefix`` instead, such as ``timm:``; ``build`` then gets the
    rest of the name. Encoders that are built for one size of images are ``sized``: ``build`` then also gets
    ``input_size=(height, width)``.
    """

    build: Callable[..., Encoder]
    names: tuple[str, ...] = ()
    prefix: str = ""
    sized: bool = False
