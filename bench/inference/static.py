"""What an engine is measured against: a network that runs to one exit, for everybody."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.inference.answers import Answers, Clock
from bench.retrieval.table import NEIGHBOURS, IntArray

if TYPE_CHECKING:
    from bench.inference.backends.backend import Backend
    from bench.inference.gallery import Gallery


class StaticExit:
    """Runs every image to one exit and searches there alone; ``macs`` is what an image costs. No decisions."""

    def __init__(self, backend: Backend, gallery: Gallery, exit_index: int, macs: float) -> None:
        self.backend, self.gallery, self.exit_index, self.macs = backend, gallery, exit_index, macs

    def restart(self) -> None:
        """Nothing is remembered."""

    def answer(self, images: Any, camids: IntArray, numbers: IntArray | None = None) -> Answers:
        """Answer a batch of normalised images, float32 (B, 3, H, W), of cameras (B,)."""
        count, exits = len(camids), len(self.backend.exits)
        clock = Clock()
        state = self.backend.start(images)
        for index in range(self.exit_index + 1):
            state, embedding = self.backend.step(state, index)
        network = clock.note("network")
        seen = self.gallery.indexes[self.exit_index].search(embedding, camids=camids, k=NEIGHBOURS)
        done = clock.note("search")
        empty = [self.gallery.indexes[index].codes[:0] for index in range(exits)]
        return Answers(
            exits=np.full(count, self.exit_index, dtype=np.int64),
            indices=seen.indices,
            distances=seen.distances,
            confidence=np.full((count, exits), np.nan),
            macs=np.full(count, self.macs),
            milliseconds=np.full(count, done),
            network_milliseconds=np.full(count, network),
            codes=tuple(embedding if index == self.exit_index else empty[index] for index in range(exits)),
            runs=Counter({(index, count): 1 for index in range(self.exit_index + 1)}),
            searches=np.where(np.arange(exits) == self.exit_index, count, 0),
            parts=clock.parts,
        )
