"""What the papers print on a dataset: every row of their tables, measured here or not."""

from __future__ import annotations

import math

from bench.counts import NOTHING
from bench.findings.columns import named, printed, told
from bench.findings.reported.match import is_reported
from bench.findings.reported.papers import accuracies
from bench.findings.reported.values import STAGES, Accuracy
from bench.findings.sections import Section
from bench.findings.table import Column, Table, table


def reported_table(section: Section) -> Table | None:
    """One row for each row of a paper on the section's dataset, in the order of the papers; None where there is none.

    Re-ranked rows and those of several images a query are in it: their columns say so.
    """
    rows = [row for row in accuracies() if row.dataset == section.dataset] if is_reported(section) else []
    if not rows:
        return None
    sources = dict.fromkeys(row.source for row in rows)
    note = (
        "As printed, none of it measured here. RE: random erasing; RR: re-ranking; B and C: binary and continuous "
        "codes. A method without exits stands under S4. "
        + " ".join(f"{source.name}: {source.citation}, {source.address}. {source.notes}" for source in sources)
    )
    columns = [
        named("source"),
        named("table", "place"),
        named("method", "printed"),
        told("recipe"),
        told("queries"),
        Column("codes", lambda row: f"{row['type']} {row['lengths']}".strip() or NOTHING, is_number=False),
        *(printed(f"rank-1 S{stage} (%)", f"rank-1_S{stage}") for stage in range(1, STAGES + 1)),
        printed("mAP (%)", "mAP"),
        told("cost (M)", "_cost", is_number=True),
        told("parameters (M)", "_parameters", is_number=True),
        told("notes"),
    ]
    return table(f"{section.slug}-reported", f"What papers report, {section.title}", note, map(_row, rows), columns)


def _row(row: Accuracy) -> dict[str, object]:
    scores = {f"rank-1_S{stage}": value for stage, value in enumerate(row.rank_1, 1)} | {
        "mAP": row.mean_average_precision
    }
    return {
        "source": row.source.name,
        "place": row.place,
        "group": row.group,
        "printed": row.printed,
        "method": row.method,
        "recipe": row.recipe,
        "queries": row.queries,
        "type": row.kind,
        "lengths": "/".join(map(str, row.lengths)),
        **{name: math.nan if value is None else float(value / 100) for name, value in scores.items()},
        "cost": float(row.cost.value) if row.cost else math.nan,
        "cost_sign": row.cost.sign if row.cost else "",
        "parameters_millions": float(row.parameters.value) if row.parameters else math.nan,
        "parameters_sign": row.parameters.sign if row.parameters else "",
        "notes": row.notes,
        "address": row.source.address,
        "_cost": row.cost.millions() if row.cost else "",
        "_parameters": f"{row.parameters.sign}{row.parameters.value}" if row.parameters else "",
    }
