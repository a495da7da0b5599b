"""The exit table: what would happen to every query at every exit.

A query that leaves at exit ``s`` is matched against the gallery's codes of exit ``s``, so its outcome there
depends on nothing else. Computed once, the table answers every policy, budget, oracle and bootstrap by a gather.

It has two halves by type. :class:`Signals` is what a deployed system knows; policies decide on signals alone.
:class:`Outcomes` needs the query's true identity; only scoring and the oracle may read it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NEIGHBOURS = 5
"""How many nearest gallery images the signals name for each query and exit."""
HIT_RANKS = (1, 5, 10)
"""Ranks whose hit rates the outcomes keep."""
OF_QUERIES = (
    "nearest_distances",
    "nearest_indices",
    "nearest_pids",
    "identity_margin",
    "previous_identity_distance",
    "query_camids",
    "class_entropy",
)
"""Signals that have a row for each query."""


@dataclass(frozen=True)
class FirstExitFeatures:
    """Features that the first exit's head starts from, for a policy that reads them (HashReID's ŝ1)."""

    query: NDArray[np.float16]
    """(N, F) of the queries, row for row those of the signals."""
    gallery: NDArray[np.float16]
    """(G, F) of the whole gallery: what ``nearest_indices`` point into."""


@dataclass(frozen=True)
class Signals:
    """What is known when the decision is made, (N, S) = queries × exits.

    Neighbours are taken from the gallery as deployed: images of the query's own camera are left out, nothing is
    removed by the query's identity. Distances are Hamming (bits) or Euclidean, as the exit's code has it.
    """

    nearest_distances: FloatArray
    """(N, S, NEIGHBOURS) distances of the nearest gallery images, ascending; inf where the gallery has fewer."""
    nearest_indices: IntArray
    """(N, S, NEIGHBOURS) their indices in the gallery; −1 where it has fewer."""
    nearest_pids: IntArray
    """(N, S, NEIGHBOURS) their identities, as enrolled in the gallery."""
    identity_margin: FloatArray
    """(N, S) distance to the nearest image of another identity than the nearest image's, less the nearest distance.

    inf where the gallery shows one identity."""
    previous_identity_distance: FloatArray
    """(N, S) distance to the nearest image of the identity that was nearest at the exit before.

    inf at the first exit, and where nothing was in sight."""
    query_camids: IntArray
    """(N,) camera of each query."""
    dims: IntArray
    """(S,) code length of each exit."""
    class_entropy: FloatArray
    """(N, S) entropy (nats) of the classifier's softmax over the training identities; NaN where there is none."""
    classes: int
    """How many training identities the classifier knows; 0 where there is none."""
    features: FirstExitFeatures | None = None
    """Filled where a policy of the sweep needs them; no part of a table on disk."""

    def take(self, rows: NDArray[Any]) -> Signals:
        """Keep the queries of some rows, by index (n,) or by mask (N,)."""
        of_queries = {name: getattr(self, name)[rows] for name in OF_QUERIES}
        features = self.features and replace(self.features, query=self.features.query[rows])
        return replace(self, **of_queries, features=features)


@dataclass(frozen=True)
class Outcomes:
    """What each query would score at each exit, (N, S) = queries × exits.

    Tied distances count as their expectation over random order. Only queries with a true match are rows.
    """

    average_precision: FloatArray
    """(N, S) in [0, 1]."""
    inverse_negative_penalty: FloatArray
    """(N, S) in [0, 1]."""
    hits: FloatArray
    """(N, S, len(HIT_RANKS)) probability that a true match is among the first k."""
    average_precision_bounds: FloatArray
    """(N, S, 2) with ties broken as badly, and as well, as can be."""
    query_pids: IntArray
    """(N,) true identity of each query: the unit of the bootstrap."""

    def take(self, rows: NDArray[Any]) -> Outcomes:
        """Keep the queries of some rows, by index (n,) or by mask (N,)."""
        return Outcomes(**{part.name: getattr(self, part.name)[rows] for part in fields(self)})


@dataclass(frozen=True)
class ExitTable:
    """Signals and outcomes of the same queries, row for row, with the exits' names."""

    exits: tuple[str, ...]
    signals: Signals
    outcomes: Outcomes

    def __len__(self) -> int:
        """Count the queries."""
        return len(self.outcomes.query_pids)

    def take(self, rows: NDArray[Any]) -> ExitTable:
        """Keep the queries of some rows, by index (n,) or by mask (N,)."""
        return replace(self, signals=self.signals.take(rows), outcomes=self.outcomes.take(rows))
