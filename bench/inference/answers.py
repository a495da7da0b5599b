"""What queries were answered, and where the time went."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.retrieval.table import FloatArray, IntArray

PARTS = ("network", "search", "decision", "compaction")
"""What the time of a batch goes to."""


@dataclass(frozen=True)
class Answers:
    """What N queries were answered, row by row.

    ``milliseconds`` run from when a query's batch was given to the engine until the query was answered.
    """

    exits: IntArray
    """(N,) where each left."""
    indices: IntArray
    """(N, NEIGHBOURS) nearest gallery images there; −1 where fewer were in sight."""
    distances: FloatArray
    """(N, NEIGHBOURS) their distances: bits, or Euclidean; inf where fewer were in sight."""
    confidence: FloatArray
    """(N, S) of each decision; NaN where none was made."""
    macs: FloatArray
    """(N,) multiply-adds on the way to the exit: network, and the policy's own."""
    milliseconds: FloatArray
    """(N,)"""
    network_milliseconds: FloatArray
    """(N,) of these in the network's steps and in compaction: what is left without search and decision."""
    codes: tuple[NDArray[Any], ...]
    """One array an exit: the embeddings of those who left there, in the order of their rows."""
    runs: Counter[tuple[int, int]]
    """How often each step ran on how many images: (exit, batch size), those carried along included."""
    searches: IntArray
    """(S,) queries for which each exit's gallery was searched."""
    parts: dict[str, float]
    """Milliseconds in all that went to each of :data:`PARTS`."""

    @property
    def fractions(self) -> FloatArray:
        """(S,) of the queries that left at each exit."""
        return np.bincount(self.exits, minlength=len(self.codes)) / max(1, len(self.exits))

    @classmethod
    def joined(cls, batches: Sequence[Answers]) -> Answers:
        """Put the answers of several batches, at least one, one after another."""
        columns = ("exits", "indices", "distances", "confidence", "macs", "milliseconds", "network_milliseconds")
        return cls(
            **{name: np.concatenate([getattr(batch, name) for batch in batches]) for name in columns},
            codes=tuple(np.concatenate(parts) for parts in zip(*(batch.codes for batch in batches), strict=True)),
            runs=sum((batch.runs for batch in batches), Counter()),
            searches=np.sum([batch.searches for batch in batches], axis=0),
            parts={name: sum(batch.parts[name] for batch in batches) for name in PARTS},
        )


class Clock:
    """Milliseconds since the batch came, booked to the parts of its way."""

    def __init__(self) -> None:
        self.started = self.last = time.perf_counter()
        self.parts = dict.fromkeys(PARTS, 0.0)

    def skip(self) -> None:
        """Book the time since the last note to nothing: the images were not there yet."""
        self.last = time.perf_counter()

    @property
    def elapsed(self) -> float:
        """Milliseconds from the start to the last note."""
        return 1e3 * (self.last - self.started)

    def note(self, part: str) -> float:
        """Book the time since the last note, and give the time since the start."""
        now = time.perf_counter()
        self.parts[part] += 1e3 * (now - self.last)
        self.last = now
        return self.elapsed
