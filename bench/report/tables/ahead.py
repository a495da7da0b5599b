"""Who is ahead: setups two by two, everybody at the last exit and under the policy that they share, tested."""

from __future__ import annotations

import math

from bench.budget.query_scores import CURVE_METRICS
from bench.counts import NOTHING
from bench.findings.chosen import best_setups, left_out, shared_policy
from bench.findings.columns import named, scored
from bench.findings.leads import ahead, setup_leads
from bench.findings.sections import Section
from bench.findings.table import Column, Record, Table, table
from bench.report.tables.comparisons import TESTED, p_value

METRIC = "mAP"
"""The metric by which the column "ahead" tells."""
UNCORRECTED = " on the test queries; p is not corrected for those that were passed over"
"""What follows where the best setups alone are compared."""


def ahead_table(section: Section) -> Table | None:
    """One row for each two setups and what they are compared by; None where the section holds a single setup.

    Of very many setups, the best alone are compared: pairs grow with the square of their number.
    """
    if len(section.setups) < 2:
        return None
    policy, thresholding = shared_policy(section)
    compared = best_setups(section)
    rows = setup_leads(compared, policy, thresholding)
    for row in rows:
        leader = ahead(row, METRIC)
        row["ahead"] = {1: row["setup"], -1: row["other"]}.get(leader, "")
    columns = [
        named("first", "setup"),
        named("second", "other"),
        Column("compared by", lambda row: _compared(section, row), is_number=False),
        Column("ahead in mAP", lambda row: row["ahead"] or NOTHING, is_number=False),
    ]
    for metric in CURVE_METRICS:
        lead = f"{metric}_lead"
        columns += [
            scored(f"{metric}, first ahead (points)", lead, signed=True),
            p_value(f"{metric}: p, Holm", f"{lead}_p_holm"),
        ]
    columns.append(named("seeds", is_number=True))
    note = (
        f"{section.title}; {section.evaluated}. Differences of means over the seeds. Under a policy: mean height of "
        f"its curve over the budgets that the exits of both span. {TESTED} People are not paired between setups here, "
        "which lets them count for more than they should; bench compare pairs them where exit tables are kept. p: "
        "two-sided, corrected by Holm's method for all differences of this table. Brackets: 95 % interval. Ahead: p < "
        "0.05; a dash says that the two are not told apart, not that they are equal. "
        f"{left_out(section, compared, 'Compared', UNCORRECTED)}".rstrip()
    )
    return table(f"{section.slug}-ahead", f"Who is ahead, {section.title}", note, rows, columns)


def _compared(section: Section, row: Record) -> str:
    if math.isnan(float(row.get("from", math.nan))):
        return str(row["compared"])
    low, high = (section.cost.text(float(row[name])) for name in ("from", "to"))
    return f"{row['compared']}, {low} to {high} {'M' if section.cost.heading().endswith('(M)') else section.cost.unit}"
