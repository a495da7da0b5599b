"""Policies at a handful of budgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.budget.query_scores import CURVE_METRICS, METRICS
from bench.findings.columns import SETUP_AND_SEED, costing, named, scored
from bench.findings.records import about, with_ends
from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.findings.table import Column, Table, table
from bench.findings.versions import version_remark
from bench.retrieval.table import FloatArray
from bench.runs.frames import Frames

BUDGET_SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""The budgets, as shares of the way from the first exit's cost to the last's."""
LEADS = ("gain", "over_random")


def budget_table(section: Section) -> Table:
    """One row for each policy and share of the way: the swept budget next to it."""
    values = ["requested_cost", "realised_cost", "realised_cost_low", "realised_cost_high", "shuffle_spread_mAP"]
    for metric in METRICS:
        values += with_ends(metric, *(f"{metric}_{lead}" for lead in LEADS))

    def rows() -> Iterator[pd.DataFrame]:
        for setup in section.setups:
            for run in setup.runs:
                yield _at_budgets(about(section, setup, run), setup, run.frames, ["a", *values])

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


def _at_budgets(told: Mapping[str, Any], setup: Setup, frames: Frames, values: Sequence[str]) -> pd.DataFrame:
    """Choose, of each sweep of a run, the budget nearest to each of :data:`BUDGET_SHARES` of the way between its exits.

    Gives a row each: what it is about, then ``values``, NaN where they were not recorded; the first of these are ``a``
    and the requested cost.
    """
    first, last = frames.numbers("exit", ["realised_cost"])[[0, -1], 0]
    budgets = first + np.array(BUDGET_SHARES) * (last - first)
    read, found = frames.numbers("policy", values), frames.by_policy("policy")
    rows: list[FloatArray] = []
    labels = []
    for thresholding in setup.thresholdings():
        for policy in setup.policies(thresholding):
            if (policy, thresholding) in found:
                # From the lowest budget on: of two that are equally near it is the lower one.
                own = read[found[policy, thresholding]]
                own = own[np.argsort(own[:, 0], kind="stable")]
                rows.append(own[np.abs(own[:, 1][:, None] - budgets).argmin(axis=0)])
                about_row = {**told, "policy": policy, "thresholding": thresholding}
                labels += [{**about_row, "budget_share": share} for share in BUDGET_SHARES]
    if not rows:
        return pd.DataFrame()
    return pd.concat([pd.DataFrame(labels), pd.DataFrame(np.concatenate(rows), columns=list(values))], axis=1)
