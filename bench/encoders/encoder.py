"""What an encoder is to the methods that put exits on it."""

from __future__ import annotations

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
