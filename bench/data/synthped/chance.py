"""Random streams: a PCG64 of its own for each purpose and key, so results do not depend on the order of the work."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum

import numpy as np

Stream = np.random.Generator
"""A stream of random numbers, passed to every function that needs some."""


class Purpose(IntEnum):
    """Purposes of streams; the numbers belong to the renderer's version."""

    CAST = 1
    SCENE = 2
    PLAN = 3
    TRACK = 4
    IMAGE = 5


def stream(seed: int, purpose: Purpose, *key: int) -> Stream:
    """The stream of one purpose and key."""
    return np.random.Generator(np.random.PCG64([seed, int(purpose), *key]))


def choose(r: Stream, weights: Mapping[str, float]) -> str:
    """A key of ``weights``, at random in proportion to its weight."""
    names = list(weights)
    cumulated = np.cumsum(list(weights.values()))
    return names[min(int(np.searchsorted(cumulated, r.random() * cumulated[-1], side="right")), len(names) - 1)]


def sign(r: Stream) -> int:
    """−1 or 1."""
    return -1 if r.random() < 0.5 else 1
