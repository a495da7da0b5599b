"""What the answers are worth: the metrics of the records, on the codes that were searched for real."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.budget.query_scores import METRICS, per_query_scores
from bench.retrieval.evaluate import build_table
from bench.retrieval.table import FloatArray, IntArray

if TYPE_CHECKING:
    from bench.inference.answers import Answers
    from bench.inference.deployed import Deployed


def answered_scores(answers: Answers, deployed: Deployed, order: IntArray) -> dict[str, float]:
    """Score answers to the table's queries, asked in this order (K,): each by the ranking at the exit where it left.

    Means are taken in the order of the table, so that equal codes give the numbers of the records to the last digit.
    """
    scores: FloatArray = np.full((len(deployed.table), len(METRICS)), np.nan)
    pids, camids = deployed.table.outcomes.query_pids, deployed.table.signals.query_camids
    for index, spec in enumerate(deployed.network.exits):
        rows = order[answers.exits == index]
        if len(rows):
            gallery = deployed.gallery.indexes[index]
            table = build_table(
                [spec],
                [answers.codes[index]],
                [gallery.codes],
                pids[rows],
                camids[rows],
                gallery.pids,
                gallery.camids,
                ap=deployed.ap,
            )
            scores[rows] = per_query_scores(table.outcomes)[:, 0]
    return {name: float(value) for name, value in zip(METRICS, scores[np.sort(order)].mean(axis=0), strict=True)}


def changed_bits(answers: Answers, deployed: Deployed, order: IntArray) -> tuple[int, int]:
    """Count bits of binary codes that differ from the run's kept codes, and all bits compared."""
    changed = compared = 0
    for index, spec in enumerate(deployed.network.exits):
        if spec.code == "binary":
            kept = deployed.query_codes[index][order[answers.exits == index]]
            changed += int(np.bitwise_count(answers.codes[index] ^ kept).sum())
            compared += len(kept) * spec.dim
    return changed, compared
