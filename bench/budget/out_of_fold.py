"""Held-out queries decided on by what was fitted without them: what a policy is worth to people it has not seen.

Thresholds, and policies that learn from held-out identities, are fitted to the very queries that would judge them.
So people are dealt into folds, and each fold's queries are decided on by what the other folds fitted.
"""

from __future__ import annotations

import numpy as np

from bench.budget.distribution import ExitFractions
from bench.budget.policy import Evidence, LearnedPolicy, Policy
from bench.budget.probe import check_confidences, confidences, fitted
from bench.budget.thresholding.contract import Thresholding
from bench.errors import BenchError
from bench.retrieval.table import ExitTable, IntArray

FOLDS = 5
"""As many folds as people where there are fewer."""


def dealt(query_pids: IntArray, seed: int) -> IntArray:
    """Fold (M,) of each query: all queries of a person are in one, and folds have equally many people, or nearly.

    Raises BenchError where there are fewer than two people.
    """
    pids, rows = np.unique(query_pids, return_inverse=True)
    if len(pids) < 2:
        raise BenchError(
            "the held-out queries show one person, and nothing can be fitted on others than it is judged by: hold out "
            "more people (--calibration; calibration_query of a file of embeddings)"
        )
    fold_of = np.empty(len(pids), dtype=np.int64)
    fold_of[np.random.default_rng(seed).permutation(len(pids))] = np.arange(len(pids)) % min(FOLDS, len(pids))
    return np.asarray(fold_of[rows])


def exits_out_of_fold(
    policy: Policy,
    registered: Policy | LearnedPolicy,
    thresholding: Thresholding,
    held_out: ExitTable,
    fractions: ExitFractions,
    seed: int,
) -> IntArray:
    """Exits (K, M) of the held-out queries under K budgets, by thresholds of the other folds.

    ``registered`` is the policy as it was before it was made ready: one that learns from held-out identities is fitted
    to the other folds; what learned from the course of training saw none of these people and stays. Raises BenchError
    where there are fewer than two people, or the policy fails.
    """
    folds = dealt(held_out.outcomes.query_pids, seed)
    learns = isinstance(registered, LearnedPolicy) and registered.needs == "calibration"
    exits = np.empty((len(fractions.q), len(held_out)), dtype=np.int64)
    for fold in np.unique(folds):
        others, own = held_out.take(folds != fold), held_out.take(folds == fold)
        ready = policy
        if learns:
            assert isinstance(registered, LearnedPolicy)
            generator = np.random.default_rng([seed, *registered.file_name.encode()])
            ready = registered.load(fitted(registered, Evidence(others), generator))
        seen, judged = (
            confidences(ready, part.signals, np.random.default_rng([seed, number, fold]))
            for number, part in ((2, others), (1, own))
        )
        for part, confidence in ((others, seen), (own, judged)):
            check_confidences(ready.name, confidence, part.signals)
        generator = np.random.default_rng([seed, 4, fold])
        exits[:, folds == fold] = thresholding.exits(judged, fractions, seen, generator)
    return exits
