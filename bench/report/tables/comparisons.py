"""Policies against each other, two by two."""

from __future__ import annotations

import math

from bench.budget.query_scores import CURVE_METRICS
from bench.report.sections import Section
from bench.report.tables.columns import SETUP_AND_SEED, named, scored
from bench.report.tables.records import about, each_record
from bench.report.tables.rounding import NOTHING, number
from bench.report.tables.table import Column, Record, Table, table
from bench.report.versions import version_remark


def comparison_table(section: Section) -> Table:
    """One row for each two policies of a thresholding: the difference of their areas, with interval and p-values."""
    rows = []
    for setup, run, record in each_record(section, "comparison"):
        row = {**about(section, setup, run), **{name: record[name] for name in ("policy", "other", "thresholding")}}
        rows.append(row | {str(name): value for name, value in record.items() if "_area_lead" in str(name)})
    columns = [*SETUP_AND_SEED, named("thresholding"), named("policy"), named("against", "other")]
    for metric in CURVE_METRICS:
        lead = f"{metric}_area_lead"
        columns += [scored(f"{metric} ahead (points)", lead, signed=True), _p_value(metric, f"{lead}_p_holm")]
    note = (
        f"{section.title}; {section.evaluated}. Differences of the mean height of two curves, paired: the same people "
        "are drawn for both. p: two-sided, from the bootstrap's standard error, corrected by Holm's method for all "
        "pairs of one run, thresholding and metric. Brackets: 95 % interval over test identities."
        f"{version_remark(section)}"
    )
    title = f"Policies against each other, {section.title}"
    return table(f"{section.slug}-comparisons", title, note, rows, columns, first_thresholding=True)


def _p_value(metric: str, name: str) -> Column:
    def text(row: Record) -> str:
        value = float(row.get(name, math.nan))
        if not math.isfinite(value):
            return NOTHING
        return "< 0.001" if value < 0.001 else number(value, 3)

    return Column(f"{metric}: p, Holm", text)
