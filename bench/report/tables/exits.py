"""Every exit by itself: what it costs, and how well everybody does there."""

from __future__ import annotations

from bench.budget.query_scores import METRICS
from bench.counts import NOTHING
from bench.findings.columns import SETUP_AND_SEED, costing, named, scored
from bench.findings.records import about, each_record, taken, with_ends
from bench.findings.rounding import span
from bench.findings.sections import Section
from bench.findings.table import Column, Record, Table, table

TIES = ("mAP_ties_low", "mAP_ties_high")


def exit_table(section: Section) -> Table:
    """One row for each exit of each run: everybody leaves there."""
    exits = list(each_record(section, "exit"))
    ties = {name for *_, record in exits for name in record}.issuperset(TIES)
    values = with_ends(*METRICS) + list(TIES) * ties
    rows = []
    for setup, run, record in exits:
        exit_ = run.exits[int(record["exit"])]
        row = {**about(section, setup, run), "exit": exit_.name, "code": exit_.code, "length": exit_.length}
        row["cumulative_cost"] = record["realised_cost"]
        rows.append(row | taken(record, values))
    for setup, run, record in each_record(section, "extra"):
        row = {**about(section, setup, run), "exit": f"{record['other']} (no exit)", "code": "", "length": ""}
        row["cumulative_cost"] = record["realised_cost"]
        rows.append(row | taken(record, values))
    columns = [
        *SETUP_AND_SEED,
        named("exit"),
        Column("code", _code, is_number=False),
        costing(section.cost.heading(), section.cost, "cumulative_cost"),
        scored("mAP (%)", "mAP"),
        *([Column("mAP by tie-break (%)", lambda row: span(row, "mAP_ties"))] if ties else []),
        *(scored(f"{metric} (%)", metric) for metric in METRICS if metric != "mAP"),
    ]
    note = f"{section.title}; {section.evaluated}. Everybody at one exit. Brackets: 95 % interval over test identities."
    if ties:
        note += " By tie-break: equal distances broken as badly, and as well, as can be."
    return table(f"{section.slug}-exits", f"Exits alone, {section.title}", note, rows, columns)


def _code(row: Record) -> str:
    if not row["code"]:
        return NOTHING
    return f"{row['length']} " + ("bits" if row["code"] == "binary" else f"numbers, {row['code']}")
