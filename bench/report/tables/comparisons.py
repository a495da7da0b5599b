"""Policies against each other, two by two: which is ahead by more than noise, over people and seeds."""

from __future__ import annotations

import math

from bench.budget.query_scores import CURVE_METRICS
from bench.counts import NOTHING
from bench.findings.columns import named, scored
from bench.findings.leads import policy_leads
from bench.findings.rounding import number
from bench.findings.sections import Section
from bench.findings.table import Column, Record, Table, table
from bench.findings.versions import version_remark

TESTED = (
    "People are redrawn, and of several networks the spread between seeds counts as well, with as many degrees of "
    "freedom as there are seeds for; with one seed the choice of people alone is covered."
)
"""What notes say of the test."""


def comparison_table(section: Section) -> Table:
    """One row for each two policies of a setup and thresholding: the difference of their areas, tested."""
    columns = [named("setup"), named("thresholding"), named("policy"), named("against", "other")]
    for metric in CURVE_METRICS:
        lead = f"{metric}_lead"
        columns += [
            scored(f"{metric} ahead (points)", lead, signed=True),
            p_value(f"{metric}: p, Holm", f"{lead}_p_holm"),
        ]
    columns += [named("seeds", "seeds", is_number=True)]
    note = (
        f"{section.title}; {section.evaluated}. Differences of the mean height of two curves, means over the seeds; "
        f"the same people are drawn for both. {TESTED} p: two-sided, corrected by Holm's method for all differences of "
        f"a thresholding, those of all setups and both metrics. Brackets: 95 % interval.{version_remark(section)}"
    )
    title = f"Policies against each other, {section.title}"
    rows = [policy_leads(section)]
    return table(f"{section.slug}-comparisons", title, note, rows, columns, first_thresholding=True)


def p_value(heading: str, name: str) -> Column:
    """Show a p-value, or a dash where nothing was tested."""

    def text(row: Record) -> str:
        value = float(row.get(name, math.nan))
        if not math.isfinite(value):
            return NOTHING
        return "< 0.001" if value < 0.001 else number(value, 3)

    return Column(heading, text)
