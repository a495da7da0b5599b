"""Right and wrong exits of every policy at the first exit: the numbers under HashReID's Figure 5."""

from __future__ import annotations

import math

from bench.budget.terms import OWN
from bench.findings.columns import SETUP_AND_SEED, named, rounded, scored
from bench.findings.records import about, taken, with_ends
from bench.findings.sections import Section
from bench.findings.table import Column, Table, table
from bench.findings.versions import version_remark

COUNTS = ("left", "correct", "incorrect", "possible")
RATES = ("precision", "recall")
GIVEN_UP = {"given up": "given_up", "right here": "given_up_correct", "right nowhere": "given_up_rightly"}
"""Headings and names of what policies count that tell whom they give up."""
OWN_TEXT, HELD_OUT = "its own", "held-out identities"
HEADINGS = {"leave": "left", "right": "correct", "wrong": "incorrect", "possible": "possible"}


def outcome_table(section: Section) -> Table:
    """One row for each policy: who leaves at the first exit, and was right to."""
    rows = []
    for setup in section.setups:
        for run in setup.runs:
            records = [record for record in run.frames.records("outcome") if record["exit"] == 0]
            for record in sorted(records, key=lambda row: (-row["correct"], row["policy"])):
                row = {**about(section, setup, run), "policy": record["policy"]}
                row |= taken(record, ("threshold_from", "threshold", "queries"))
                learned = sorted((run.learned.get(record["policy"]) or {}).items())
                row["learned_from"] = "; ".join(f"{value} {what}" for what, value in learned)
                rows.append(row | taken(record, [*with_ends(*COUNTS, *RATES), *GIVEN_UP.values()]))
    columns = [
        *SETUP_AND_SEED,
        named("policy"),
        Column("threshold", lambda row: OWN_TEXT if row["threshold_from"] == OWN else HELD_OUT, is_number=False),
        *(rounded(heading, name) for heading, name in HEADINGS.items()),
        *(scored(f"{name} (%)", name) for name in RATES),
    ]
    apart = any(not math.isnan(row["given_up"]) for row in rows)
    columns += [rounded(heading, name) for heading, name in GIVEN_UP.items()] if apart else []
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
