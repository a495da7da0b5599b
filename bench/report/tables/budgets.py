"""Policies at a handful of budgets."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bench.budget.query_scores import CURVE_METRICS, METRICS
from bench.report.sections import Section
from bench.report.tables.columns import SETUP_AND_SEED, costing, named, scored
from bench.report.tables.records import about, each_sweep, records_of
from bench.report.tables.table import Column, Record, Table, table
from bench.report.versions import version_remark

BUDGET_SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""The budgets, as shares of the way from the first exit's cost to the last's."""
LEADS = ("gain", "over_random")


def budget_table(section: Section) -> Table:
    """One row for each policy and share of the way: the swept budget next to it."""
    values = ["requested_cost", "realised_cost", "realised_cost_low", "realised_cost_high", "shuffle_spread_mAP"]
    for metric in METRICS:
        names = (metric, *(f"{metric}_{lead}" for lead in LEADS))
        values += [f"{name}{end}" for name in names for end in ("", "_low", "_high")]

    def rows() -> Iterator[dict[str, Any]]:
        for setup, run, thresholding, policy, swept in each_sweep(section):
            costs = [exit_["realised_cost"] for exit_ in records_of(setup, run, "exit")]
            told = {**about(section, setup, run), "policy": policy, "thresholding": thresholding}
            for share, record in zip(BUDGET_SHARES, _nearest(swept, costs[0], costs[-1]), strict=True):
                yield {**told, "budget_share": share} | {name: record.get(name, math.nan) for name in ("a", *values)}

    columns = [
        *SETUP_AND_SEED,
        named("thresholding"),
        named("policy"),
        Column("budget", lambda row: f"{100 * row['budget_share']:.0f} %"),
        costing(section.cost.column("requested"), section.cost, "requested_cost"),
        costing(section.cost.column("realised"), section.cost, "realised_cost"),
    ]
    for metric in CURVE_METRICS:
        columns += [
            scored(f"{metric} (%)", metric),
            scored(f"{metric} over interpolation (points)", f"{metric}_gain", signed=True),
        ]
    columns.append(scored("mAP over random (points)", "mAP_over_random", signed=True))
    note = (
        f"{section.title}; {section.evaluated}. Budget: the swept one nearest to that share of the way from the first "
        f"exit's cost to the last's; cost: {section.cost.phrase} a query. "
        "Over interpolation: against interpolation between neighbouring exits at the same realised cost; over random: "
        "against random exits at the same realised cost; both paired. "
        f"Brackets: 95 % interval over test identities.{version_remark(section)}"
    )
    title = f"Policies at a handful of budgets, {section.title}"
    return table(f"{section.slug}-budgets", title, note, rows(), columns, first_thresholding=True)


def _nearest(swept: pd.DataFrame, low: float, high: float) -> list[Record]:
    """Choose the swept budget nearest to each of :data:`BUDGET_SHARES` of the way from ``low`` to ``high``."""
    budgets = low + np.array(BUDGET_SHARES) * (high - low)
    away = np.abs(swept["requested_cost"].to_numpy(dtype=np.float64)[:, None] - budgets)
    return swept.iloc[away.argmin(axis=0)].to_dict("records")
