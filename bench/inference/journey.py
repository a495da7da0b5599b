"""Queries on their way through an engine: who is where, and what is noted of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.inference.answers import Answers, Clock
from bench.inference.in_flight import InFlight
from bench.retrieval.table import FloatArray, IntArray


@dataclass(frozen=True)
class Group:
    """Queries that go on together: the state of ``carried`` (C,), of whom ``staying`` (K,) have not left.

    ``carried`` are in the order of the state's rows, ``staying`` rise.
    """

    state: Any
    carried: IntArray
    staying: IntArray

    def rows(self, staying: IntArray) -> IntArray:
        """Rows (k,) of the state that hold some of those who were carried."""
        order = np.argsort(self.carried)
        return order[np.searchsorted(self.carried, staying, sorter=order)]


class Journey:
    """All that is noted of N queries of cameras ``camids`` (N,) on their way through exits of ``dims`` (S,).

    ``numbers`` (N,) are theirs among the draws of a policy that draws.
    """

    def __init__(self, camids: IntArray, dims: IntArray, classes: int, numbers: IntArray | None) -> None:
        count, last = len(camids), len(dims) - 1
        self.numbers = np.arange(count) if numbers is None else numbers
        self.flight = InFlight(camids, dims, classes)
        self.clock = Clock()
        self.exits = np.full(count, last, dtype=np.int64)
        self.confidences = np.full((count, last + 1), np.nan)
        self.runs: Counter[tuple[int, int]] = Counter()
        self.searches = np.zeros(last + 1, dtype=np.int64)
        self._codes: list[list[NDArray[Any]]] = [[] for _ in dims]
        self._entered, self._done = np.zeros((2, count)), np.zeros((2, count))

    def enter(self, rows: IntArray) -> None:
        """Note that the images of queries ``rows`` (k,) are there."""
        self.clock.skip()
        self._entered[:, rows] = self._now()

    def leave(self, rows: IntArray, exit_index: int, codes: NDArray[Any]) -> None:
        """Note that queries ``rows`` (k,) are answered at an exit, where their codes are these (k, …)."""
        self.exits[rows] = exit_index
        self._done[:, rows] = self._now()
        self._codes[exit_index].append(codes)

    def answers(self, costs: FloatArray, empty: Sequence[NDArray[Any]]) -> Answers:
        """Lay out what everybody was answered. ``empty`` (S arrays of no row) are the codes where nobody left."""
        at = (np.arange(len(self.exits)), self.exits)
        milliseconds, network = self._done - self._entered
        return Answers(
            self.exits,
            self.flight.indices[at],
            self.flight.distances[at],
            self.confidences,
            costs[self.exits],
            milliseconds,
            network,
            tuple(np.concatenate([none, *codes]) for none, codes in zip(empty, self._codes, strict=True)),
            self.runs,
            self.searches,
            self.clock.parts,
        )

    def _now(self) -> NDArray[np.float64]:
        """Milliseconds since the beginning, and those of them in the network and in compaction: (2, 1)."""
        parts = self.clock.parts
        return np.array([[self.clock.elapsed], [parts["network"] + parts["compaction"]]])
