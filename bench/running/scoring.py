"""Records of one exit table: every exit, and every policy at every budget."""

from __future__ import annotations

from typing import Any

from bench.budget.exit_auc import auc_records
from bench.budget.exit_decisions import decision_records
from bench.budget.query_scores import mean_precision
from bench.budget.sweep import exit_records, sweep
from bench.retrieval.evaluate import exit_scores
from bench.retrieval.table import ExitTable, FloatArray
from bench.running.readying import Fitted
from bench.spec import SweepSpec

EXIT_SCORES = SweepSpec(policies=())
"""What a run without a sweep records: the exits alone, with the same bootstrap."""


def table_records(table: ExitTable, costs: FloatArray) -> list[dict[str, Any]]:
    """Score the exits alone, everybody at each: costs (S,)."""
    records = exit_records(table, costs, EXIT_SCORES.resamples, EXIT_SCORES.seed)
    return _with_ties(records, table)


def sweep_records(
    fitted: Fitted, costs: FloatArray, spec: SweepSpec, policy_mac: float, search: FloatArray | None
) -> list[dict[str, Any]]:
    """Sweep policies that are ready, with the AUC of their confidences.

    Where there is a calibration table they decide at the first exit as well.
    """
    held_out = fitted.calibration
    records = sweep(
        fitted.table,
        costs,
        spec,
        fitted.policies,
        held_out.signals if held_out else None,
        policy_mac,
        mean_precision(held_out) if held_out else None,
        search,
    )
    if fitted.calibration:
        records += decision_records(fitted.policies, fitted.table, fitted.calibration, spec.resamples, spec.seed)
    people = {"test": fitted.table, "calibration": fitted.calibration}
    records += auc_records(fitted.policies, people, spec.resamples, spec.seed)
    return _with_ties(records, fitted.table)


def _with_ties(records: list[dict[str, Any]], table: ExitTable) -> list[dict[str, Any]]:
    """Add to the records of the exits what they score with ties broken as badly, and as well, as can be."""
    at_exits = [record for record in records if record["kind"] == "exit"]
    for record, scores in zip(at_exits, exit_scores(table), strict=True):
        record |= {"mAP_ties_low": scores["mAP_pessimistic"], "mAP_ties_high": scores["mAP_optimistic"]}
    return records
