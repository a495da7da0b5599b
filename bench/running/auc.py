"""AUC of policies for sweeps that were kept before it was recorded: added where the exit tables are kept."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.budget.exit_auc import auc_records
from bench.running.request import RunRequest
from bench.runs.folder import RunFolder
from bench.spec import EvaluationSpec

if TYPE_CHECKING:
    from bench.budget.policy import LearnedPolicy, Policy
    from bench.running.stages import RunContext

Records = Sequence[Mapping[str, Any]]


def lacks_auc(records: Records, folder: RunFolder, path: Path, evaluation: EvaluationSpec) -> bool:
    """Whether a sweep's records at ``path`` have no AUC, and it can be added: tables and network are kept."""
    kinds = {record["kind"] for record in records}
    if "policy" not in kinds or "auc" in kinds:
        return False
    needed = (folder.weights, folder.training, folder.table("test", evaluation.key))
    return all(file.exists() for file in needed) and os.access(path, os.W_OK) and os.access(folder.path, os.W_OK)


def with_auc(
    request: RunRequest,
    context: RunContext,
    policies: Sequence[Policy | LearnedPolicy],
    header: Mapping[str, Any],
    records: Records,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Give header and records with the AUC of the policies that were swept; the header says where it was added."""
    from bench.running.fitting import ready_policies
    from bench.running.stages import obtain_network
    from bench.running.tables import obtain_tables

    assert request.sweep is not None
    context.reporter.note("adding the AUC of policies, which these records were kept without")
    swept = {record["policy"] for record in records if record["kind"] == "policy"}
    wanted = [policy for policy in policies if policy.name in swept]
    network = obtain_network(context)
    tables = obtain_tables(context, network, request.evaluation)
    fitted = ready_policies(context, network, wanted, *tables, request.evaluation, leave_out=True)
    people = {"test": fitted.table, "calibration": fitted.calibration}
    added = auc_records(fitted.policies, people, request.sweep.resamples, request.sweep.seed)
    kept = {name: value for name, value in header.items() if name not in ("type", "schema")}
    return {**kept, "added": {"auc": context.provenance()}}, [*map(dict, records), *added]
