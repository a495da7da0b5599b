"""Uncertainty from the choice of people: a bootstrap over identities.

Queries of one person are not independent, so whole identities are drawn, with replacement. The same draws serve
every policy and budget, which makes their differences paired.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from bench.retrieval.table import FloatArray, IntArray


@dataclass(frozen=True)
class IdentityBootstrap:
    """R draws of P identities: how often each was drawn, ``counts`` (R, P), and whose each query is, ``rows`` (N,)."""

    counts: FloatArray
    rows: IntArray

    @classmethod
    def draw(cls, query_pids: NDArray[np.int64], resamples: int, seed: int) -> IdentityBootstrap:
        """Draw ``resamples`` samples of as many identities as the queries (N,) show."""
        pids, rows = np.unique(query_pids, return_inverse=True)
        generator = np.random.default_rng(seed)
        counts = generator.multinomial(len(pids), np.full(len(pids), 1 / len(pids)), size=resamples)
        return cls(counts.astype(np.float64), rows.astype(np.int64))

    def weights(self, draws: slice = slice(None)) -> FloatArray:
        """(r, N) weight of every query under every draw, or under those of a slice; each row sums to 1."""
        weights = self.counts[draws][:, self.rows]
        return weights / weights.sum(axis=1, keepdims=True)

    def means(self, values: ArrayLike) -> FloatArray:
        """Means (R, …) of per-query values (N, …) under every draw."""
        return self.means_of(self.sums(np.asarray(values, dtype=np.float64)))

    def sums(self, values: FloatArray, queries: slice = slice(None)) -> FloatArray:
        """Sums (P, …) over each person's queries of per-query values (n, …); all queries, or those of a slice."""
        rows = self.rows[queries]
        shape = (self.counts.shape[1], len(rows))
        whose = csr_array((np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=shape)
        summed: FloatArray = whose @ values.reshape(len(rows), -1)
        return summed.reshape(len(summed), *values.shape[1:])

    def means_of(self, sums: FloatArray) -> FloatArray:
        """Means (R, …) over queries under every draw, from sums (P, …): a person's queries are drawn together."""
        drawn = self.counts @ sums.reshape(len(sums), -1)
        queries = self.counts @ np.bincount(self.rows, minlength=self.counts.shape[1])
        return (drawn / queries[:, None]).reshape(len(self.counts), *sums.shape[1:])


def interval(draws: FloatArray, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Percentile interval over the first axis of draws (R, …)."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
