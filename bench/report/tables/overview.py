"""All runs of a report in one table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.budget.query_scores import CURVE_METRICS
from bench.findings.columns import SETUP_AND_SEED, named, scored
from bench.findings.costs import Cost
from bench.findings.records import about, taken, with_ends
from bench.findings.rounding import number, ratio
from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.findings.table import Column, Record, Table, table
from bench.runs.finished import Run


def overview(sections: Sequence[Section]) -> Table:
    """One row for each run: what was trained, what it costs, and how well its last exit does."""
    rows = [_row(section, setup, run) for section in sections for setup in section.setups for run in setup.runs]
    note = "One row a run. MACs: multiply-adds a query, millions. Brackets: 95 % interval over test identities."
    columns = [
        named("data", "_data"),
        named("AP", "ap"),
        *SETUP_AND_SEED,
        named("exits", is_number=True),
        Column("cost first exit", lambda row: _cost(row, "first_exit_cost")),
        Column("cost last exit", lambda row: _cost(row, "last_exit_cost")),
        *(scored(f"{metric} last exit (%)", f"last_exit_{metric}") for metric in CURVE_METRICS),
        named("epochs", is_number=True),
        Column("training (min)", lambda row: number(ratio(row["training_seconds"], 60), 1)),
        named("run", "_run"),
    ]
    return table("overview", "Runs and their last exits", note, rows, columns)


def _row(section: Section, setup: Setup, run: Run) -> dict[str, Any]:
    exits = run.frames.records("exit")
    training = run.header.get("training") or {}
    row = {**about(section, setup, run), "_data": section.data, "_run": run.key[:8], "exits": len(run.exits)}
    row |= {"epochs": training.get("epochs"), "training_seconds": training.get("seconds")}
    row |= {"signals": run.evaluation["signals"], "fingerprint": section.fingerprint}
    row |= {f"{which}_exit_cost": exits[index]["realised_cost"] for which, index in (("first", 0), ("last", -1))}
    last = taken(exits[-1], with_ends(*CURVE_METRICS))
    return row | {f"last_exit_{name}": value for name, value in last.items()}


def _cost(row: Record, name: str) -> str:
    cost = Cost(row["cost"], row["cost_unit"])
    return f"{cost.text(row[name])} {'M MACs' if cost.is_default else cost.unit}"
