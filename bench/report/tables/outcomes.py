"""Right and wrong exits of every policy at the first exit: the numbers under HashReID's Figure 5."""

from __future__ import annotations

import math

import pandas as pd

from bench.budget.terms import OWN
from bench.findings.columns import SETUP_AND_SEED, counted, named, scored
from bench.findings.records import about, rows_of
from bench.findings.sections import Section
from bench.findings.table import Column, Table, table
from bench.findings.versions import version_remark
from bench.runs.frames import records_in

COUNTS = ("left", "correct", "incorrect", "possible")
RATES = ("precision", "recall")
GIVEN_UP = {"given up": "given_up", "right here": "given_up_correct", "right nowhere": "given_up_rightly"}
"""Headings and names of what policies count that tell whom they give up."""
OWN_TEXT, HELD_OUT = "its own", "held-out identities"
HEADINGS = {"leave": "left", "right": "correct", "wrong": "incorrect", "possible": "possible"}


def outcomes(rows: pd.DataFrame) -> pd.DataFrame:
    """Choose, among records of what left early, those of the first exit."""
    return rows[rows["exit"] == 0] if len(rows) else rows


def outcome_table(section: Section) -> Table:
    """One row for each policy: who leaves at the first exit, and was right to."""
    rows = []
    for setup in section.setups:
        for run in setup.runs:
            records = records_in(outcomes(rows_of(setup, run, "outcome")))
            for record in sorted(records, key=lambda row: (-row["correct"], row["policy"])):
                row = {**about(section, setup, run), "policy": record["policy"]}
                row |= {name: record.get(name, math.nan) for name in ("threshold_from", "threshold", "queries")}
                learned = sorted((run.learned.get(record["policy"]) or {}).items())
                row["learned_from"] = "; ".join(f"{value} {what}" for what, value in learned)
                names = [f"{name}{end}" for name in (*COUNTS, *RATES) for end in ("", "_low", "_high")]
                names += GIVEN_UP.values()
                rows.append(row | {name: record.get(name, math.nan) for name in names})
    columns = [
        *SETUP_AND_SEED,
        named("policy"),
        Column("threshold", lambda row: OWN_TEXT if row["threshold_from"] == OWN else HELD_OUT, is_number=False),
        *(counted(heading, name) for heading, name in HEADINGS.items()),
        *(scored(f"{name} (%)", name) for name in RATES),
    ]
    apart = any(not math.isnan(row["given_up"]) for row in rows)
    columns += [counted(heading, name) for heading, name in GIVEN_UP.items()] if apart else []
    note = (
        f"{section.title}; {section.evaluated}. Queries that each policy lets go at the first exit, with a right and a "
        "wrong first match there. Thresholds: the policy's own, or the one at which right exits outnumber wrong ones "
        "by the most on identities held out of training. Possible: all whose first match is right there. "
        "Precision: share of exits that were right; recall: share of the possible that was taken. Brackets: 95 % "
        "interval over test identities."
    )
    note += (
        " Given up: among those that leave, whom the policy expects no exit to find; of them, those whose first match "
        "is right here, and those whose first match is right at no exit."
        if apart
        else ""
    )
    note += version_remark(section)
    return table(f"{section.slug}-outcomes", f"Right and wrong exits, {section.title}", note, rows, columns)
