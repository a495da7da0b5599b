"""What is scored at every point of a sweep, query by query."""

from __future__ import annotations

import numpy as np

from bench.retrieval.table import HIT_RANKS, ExitTable, FloatArray, Outcomes

METRICS = ("mAP", "mINP", *(f"rank-{rank}" for rank in HIT_RANKS))
"""Metrics of each point, as fractions from 0 to 1."""
CURVE_METRICS = ("mAP", "rank-1")
"""Metrics whose whole curves are summed up and compared."""


def per_query_scores(outcomes: Outcomes) -> FloatArray:
    """Lay the outcomes out as (N, S, metrics), in the order of :data:`METRICS`."""
    return np.concatenate(
        [outcomes.average_precision[..., None], outcomes.inverse_negative_penalty[..., None], outcomes.hits], axis=2
    )


def mean_precision(table: ExitTable) -> FloatArray:
    """Mean average precision (S,) of everybody at each exit."""
    return np.asarray(table.outcomes.average_precision.mean(axis=0))
