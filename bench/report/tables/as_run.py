"""Everybody that ``bench infer`` ran: accuracy, latency, rate, and promised beside realised saving."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from bench.findings.columns import costing, named, rounded, shared
from bench.findings.costs import JOULES
from bench.findings.inferences import POLICY_WORK, InferenceGroup, inference_groups
from bench.findings.rounding import number
from bench.findings.sections import Section
from bench.findings.table import Column, Table, table
from bench.findings.text import file_name

PERCENTILES = ("latency_p50", "latency_p90", "latency_p99")
SAVINGS = ("promised_by_macs", "promised_by_steps", "saved_network", "saved_end_to_end")
SCORES = ("mAP", "rank-1", "macs")


def as_run_tables(section: Section) -> Iterator[Table]:
    """Make a table for each run, scenario and batch size: one row for each contestant on each engine."""
    for group in inference_groups(section):
        yield _table(section, group)


def _table(section: Section, group: InferenceGroup) -> Table:
    rows = [_row(name, one) for name, record in group.records.items() for one in record["contestants"]]
    columns = [
        named("engine"),
        named("answers", "contestant"),
        Column("left at exits (%)", lambda row: " ".join(number(100 * part, 0) for part in row["_fractions"])),
        shared("mAP (%)", "mAP"),
        shared("rank-1 (%)", "rank-1"),
        *(rounded(f"p{name[-2:]} (ms)", name, 2) for name in PERCENTILES),
        rounded("queries a second", "throughput", 1),
        shared("promised by MACs (%)", "promised_by_macs"),
        shared("promised by steps (%)", "promised_by_steps"),
        shared("realised, network (%)", "saved_network"),
        shared("realised, whole (%)", "saved_end_to_end"),
        rounded("decisions changed", "decisions_changed"),
    ]
    if group.first["scenario"] == "server":
        columns[9:9] = [
            rounded(f"rate kept a second{of}", f"rate{name}", 1)
            for of, name in (("", ""), (", least", "_low"), (", greatest", "_high"))
        ]
        columns.insert(12, rounded("with p99 within (ms)", "latency_bound", 1))
    if any(not math.isnan(row["joules"]) for row in rows):
        columns.insert(9, costing("J a query", JOULES, "joules"))
    if any(not math.isnan(row.get("idle_joules", math.nan)) for row in rows):
        columns.insert(10, costing("of them idle (J)", JOULES, "idle_joules"))
    note = (
        f"{group.measured} Latencies and queries a second are from image files to answers. Promised and realised: what "
        "is saved of the full network's cost or time on the same engine; whole is from files to answers. "
        f"{POLICY_WORK} Decisions changed: queries that left at another exit than in the sweep."
    )
    return table(
        file_name(section.slug, group.part, ending="as-run"), f"Early exit as run, {group.title}", note, rows, columns
    )


def _row(engine: str, one: Mapping[str, Any]) -> dict[str, Any]:
    fractions = [float(part) for part in one["exit_fractions"]]
    row: dict[str, Any] = {"engine": engine, "contestant": one["name"], "kind": one["kind"], "_fractions": fractions}
    row |= {f"exit_fraction_{number}": part for number, part in enumerate(fractions, 1)}
    row |= {name: float(one[name]) for name in (*SCORES, *PERCENTILES, "milliseconds", "throughput", *SAVINGS)}
    measured = ("joules", "rate", "rate_low", "rate_high", "decisions_changed")
    row |= {name: _or_nan(one.get(name)) for name in measured}
    # Records of before one was told, or of scenarios without it, have no such column.
    return row | {name: _or_nan(one[name]) for name in ("idle_joules", "latency_bound") if name in one}


def _or_nan(value: Any) -> float:
    return math.nan if value is None else float(value)
