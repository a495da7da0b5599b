"""How well a confidence tells whom to let go: areas under the ROC curve of every policy at every exit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from bench.budget.bootstrap import IdentityBootstrap, interval
from bench.budget.policy import Policy
from bench.errors import BenchError
from bench.retrieval.blocks import map_rows
from bench.retrieval.table import ExitTable, FloatArray, IntArray, Outcomes

DRAWS_AT_ONCE = 64
"""Draws whose areas are computed at a time: bounds memory."""
QUESTIONS = ("right", "no_better_later")
"""What a confidence should be high for: the first match here is right; no later exit's is more often right."""


def auc(confidence: FloatArray, positive: FloatArray, counts: FloatArray, rows: IntArray) -> FloatArray:
    """Area (R,) under the ROC curve of a confidence (N,) that should be high for the ``positive`` (N,) queries.

    It is the probability that a positive query has more confidence than a negative one, equal confidence counting half.
    ``positive`` may be a fraction, where a tied first match is right in a fraction of the orders: the query then counts
    among both, in these proportions. ``counts`` (R, P) say how often each of P people is drawn, ``rows`` (N,) whose
    each query is. NaN where a draw has no positive or no negative query.
    """
    _, group = np.unique(confidence, return_inverse=True)
    shape = (counts.shape[1], int(group.max()) + 1)
    wins, losses = (csr_array((part, (rows, group)), shape=shape) for part in (positive, 1 - positive))
    areas = np.full(len(counts), np.nan)
    for first in range(0, len(counts), DRAWS_AT_ONCE):
        drawn = counts[first : first + DRAWS_AT_ONCE]
        won, lost = drawn @ wins, drawn @ losses
        # Of the negative queries of equal confidence, half are taken to lie below.
        below = np.cumsum(lost, axis=1) - lost / 2
        pairs = won.sum(axis=1) * lost.sum(axis=1)
        np.divide((won * below).sum(axis=1), pairs, out=areas[first : first + DRAWS_AT_ONCE], where=pairs > 0)
    return areas


def questions(outcomes: Outcomes, exit_index: int) -> dict[str, FloatArray]:
    """Give for each of :data:`QUESTIONS` the queries (N,) for whom it holds at an exit; the last exit has no later."""
    right = outcomes.hits[:, :, 0]
    found = {"right": right[:, exit_index]}
    if exit_index + 1 < right.shape[1]:
        better = right[:, exit_index + 1 :].max(axis=1) - right[:, exit_index]
        found["no_better_later"] = 1 - np.clip(better, 0, 1)
    return found


def auc_records(
    policies: Sequence[Policy], tables: Mapping[str, ExitTable | None], resamples: int, seed: int
) -> list[dict[str, Any]]:
    """Score every policy's confidence at every exit, on test and on held-out people: one record (plain values) each.

    ``tables`` are exit tables by who they show, ``test`` or ``calibration``, those that there are. ``right_auc`` is the
    area for "the first match here is right", ``no_better_later_auc`` that for "no later exit's first match is more
    often right"; ``right`` and ``no_better_later`` are the fractions of the queries for which that holds. Intervals
    redraw identities; what has no positive or no negative query has no area. Records have kind ``auc``. Raises
    BenchError where a confidence is NaN.
    """
    records = []
    for people, table in tables.items():
        if table is None:
            continue
        bootstrap = IdentityBootstrap.draw(table.outcomes.query_pids, resamples, seed)
        score = partial(_of_policies, policies, people, table, bootstrap, seed)
        for part in map_rows(score, len(policies), 1):
            records += part
    return records


def _of_policies(
    policies: Sequence[Policy], people: str, table: ExitTable, bootstrap: IdentityBootstrap, seed: int, rows: slice
) -> list[dict[str, Any]]:
    return [record for policy in policies[rows] for record in _of_policy(policy, people, table, bootstrap, seed)]


def _of_policy(
    policy: Policy, people: str, table: ExitTable, bootstrap: IdentityBootstrap, seed: int
) -> list[dict[str, Any]]:
    # The same chance as in the sweep, and as where thresholds are chosen.
    generator = np.random.default_rng([seed, 2 if people == "calibration" else 1])
    confidence = policy.confidence(table.signals, generator)
    if np.isnan(confidence).any():
        raise BenchError(f"policy {policy.name} gives a confidence that is no number (NaN); it may be infinite")
    counts = np.concatenate([np.ones((1, bootstrap.counts.shape[1])), bootstrap.counts])
    records = []
    for exit_index in range(len(table.exits)):
        record: dict[str, Any] = {"kind": "auc", "policy": policy.name, "thresholding": "", "people": people}
        record |= {"a": None, "exit": exit_index, "queries": len(table)}
        for name, positive in questions(table.outcomes, exit_index).items():
            record[name] = float(positive.mean())
            areas = auc(confidence[:, exit_index], positive, counts, bootstrap.rows)
            known = areas[1:][np.isfinite(areas[1:])]
            if np.isfinite(areas[0]) and len(known):
                low, high = interval(known)
                record |= {f"{name}_auc": float(areas[0])}
                record |= {f"{name}_auc_low": float(low), f"{name}_auc_high": float(high)}
        records.append(record)
    return records
