"""Uncertainty from the choice of people: a bootstrap over identities.

Queries of one person are not independent, so whole identities are drawn, with replacement. The same draws serve
every policy and budget, which makes their differences paired.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.retrieval.table import FloatArray


@dataclass(frozen=True)
class IdentityBootstrap:
    """Draws of identities, as weights (R, N) of the queries: each row sums to 1."""

    weights: FloatArray

    @classmethod
    def draw(cls, query_pids: NDArray[np.int64], resamples: int, seed: int) -> IdentityBootstrap:
        """Draw ``resamples`` samples of as many identities as the queries (N,) show."""
        pids, rows = np.unique(query_pids, return_inverse=True)
        generator = np.random.default_rng(seed)
        counts = generator.multinomial(len(pids), np.full(len(pids), 1 / len(pids)), size=resamples)
        weights = counts[:, rows].astype(np.float64)
        return cls(weights / weights.sum(axis=1, keepdims=True))

    def means(self, values: ArrayLike) -> FloatArray:
        """Means (R, …) of per-query values (N, …) under every draw."""
        array = np.asarray(values, dtype=np.float64)
        flat = self.weights @ array.reshape(len(array), -1)
        return flat.reshape(len(self.weights), *array.shape[1:])


def interval(draws: FloatArray, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Percentile interval over the first axis of draws (R, …)."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
