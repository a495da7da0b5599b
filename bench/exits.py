"""What leaves at one exit of a network, in a module that needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ExitSpec:
    """What leaves at one exit: its name, length, and how two of them are compared.

    ``binary`` codes hold ±1 in ``dim`` dimensions and are matched by Hamming distance; ``continuous``
    embeddings are matched by Euclidean distance.
    """

    name: str
    dim: int
    code: Literal["binary", "continuous"]
