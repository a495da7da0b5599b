"""Precision and recall of leaving at one exit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.budget.bootstrap import IdentityBootstrap, interval
from bench.budget.policy import Policy
from bench.budget.terms import CALIBRATION, OWN
from bench.retrieval.table import ExitTable, FloatArray


def best_threshold(confidence: FloatArray, right: NDArray[np.bool_]) -> float:
    """Threshold on confidences (N,) at which right exits outnumber wrong ones by the most; ``right`` (N,) are outcomes.

    The same threshold makes the most right decisions of either kind, leaving or staying. inf where no query should
    leave, −inf where all should; else halfway between the last that leaves and the first that stays. Of equally good
    ones, the one under which fewer leave.
    """
    order = np.argsort(-confidence, kind="stable")
    ordered = confidence[order]
    balance = np.cumsum(np.where(right[order], 1, -1))
    # Only between two different values can a threshold lie.
    last_of_equals = np.append(ordered[1:] != ordered[:-1], True)
    best = int(np.argmax(np.where(last_of_equals, balance, -len(balance) - 1)))
    if balance[best] <= 0:
        return float("inf")
    if best == len(ordered) - 1:
        return float("-inf")
    upper, lower = ordered[best], ordered[best + 1]
    return float(upper if np.isinf(upper) or np.isinf(lower) else (upper + lower) / 2)


def decision_records(
    policies: Sequence[Policy],
    table: ExitTable,
    calibration: ExitTable,
    resamples: int,
    seed: int,
    exit_index: int = 0,
) -> list[dict[str, Any]]:
    """Let every policy decide at one exit: one record (plain values) each, HashReID's Figure 5.

    ``correct`` and ``incorrect`` count the queries that leave with a right and a wrong first match, ``possible`` all
    whose first match is right here; tied first matches count as the fraction of them that is right. ``precision`` is
    the fraction of exits that were right, ``recall`` the fraction of possible exits that were taken. Thresholds are
    the policy's own at the first exit, where it has one, and else chosen on the calibration identities, not below its
    least. Intervals redraw identities. Records have kind ``outcome``. Raises BenchError where a confidence is NaN.

    Of a policy that tells at the first exit whom it gives up, ``given_up`` counts those who leave for that reason,
    ``given_up_correct`` those of them whose first match is right here all the same, and ``given_up_rightly`` those
    whose first match is right at no exit.
    """
    bootstrap = IdentityBootstrap.draw(table.outcomes.query_pids, resamples, seed)
    right = table.outcomes.hits[:, exit_index, 0]
    held_out_right = calibration.outcomes.hits[:, exit_index, 0] > 0.5
    hopeless = 1 - table.outcomes.hits[:, :, 0].max(axis=1)
    records = []
    for policy in policies:
        threshold, source = policy.own_threshold, OWN
        if threshold is None or exit_index:
            held_out = policy.confidence(calibration.signals, np.random.default_rng([seed, 2]))[:, exit_index]
            least = -np.inf if policy.least_threshold is None or exit_index else policy.least_threshold
            free = held_out >= least
            # Queries below the least threshold stay whatever is chosen, and have no say in it.
            chosen = best_threshold(held_out[free], held_out_right[free]) if free.any() else np.inf
            threshold, source = max(chosen, least), CALIBRATION
        confidence = policy.confidence(table.signals, np.random.default_rng([seed, 1]))[:, exit_index]
        leaving = (confidence >= threshold).astype(np.float64)
        per_query = np.stack([leaving, leaving * right, leaving * (1 - right), right], axis=1)
        measured = _measures(np.concatenate([per_query.mean(axis=0)[None], bootstrap.means(per_query)]), len(table))
        record: dict[str, Any] = {
            "kind": "outcome",
            "policy": policy.name,
            "thresholding": "",
            "a": None,
            "exit": exit_index,
        }
        record |= {"threshold_from": source, "queries": len(table)}
        record["threshold"] = threshold if np.isfinite(threshold) else None
        if policy.gives_up is not None and not exit_index:
            given_up = leaving * policy.gives_up(table.signals)
            record |= {"given_up": float(given_up.sum()), "given_up_correct": float(given_up @ right)}
            record["given_up_rightly"] = float(given_up @ hopeless)
        for name, values in measured.items():
            known = values[1:][np.isfinite(values[1:])]
            # With few draws there may be none in which anybody leaves: a rate has no interval then, and none is told.
            if np.isfinite(values[0]) and len(known):
                low, high = interval(known)
                record |= {name: float(values[0]), f"{name}_low": float(low), f"{name}_high": float(high)}
        records.append(record)
    return records


def _measures(means: FloatArray, queries: int) -> dict[str, FloatArray]:
    """Counts and fractions, each (1 + R,), from means (1 + R, 4): leaving, rightly, wrongly, right at all."""
    leaving, correct, incorrect, possible = means.T
    unknown = np.full(len(means), np.nan)
    return {
        "left": queries * leaving,
        "correct": queries * correct,
        "incorrect": queries * incorrect,
        "possible": queries * possible,
        "precision": np.divide(correct, leaving, out=unknown.copy(), where=leaving > 0),
        "recall": np.divide(correct, possible, out=unknown.copy(), where=possible > 0),
    }
