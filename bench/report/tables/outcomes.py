"""Right and wrong exits of every policy at the first exit: the numbers under HashReID's Figure 5."""

from __future__ import annotations

import math

import pandas as pd

from bench.budget.terms import OWN
from bench.report.sections import Section
from bench.report.tables.rounding import NOTHING, number, with_interval
from bench.report.tables.table import Record, Table, about, rows_of

COUNTS = ("left", "correct", "incorrect", "possible")
SHARES = ("precision", "recall")


def outcomes(table: pd.DataFrame) -> pd.DataFrame:
    """Choose the records of what left at the first exit."""
    rows = table[table["kind"] == "outcome"]
    return rows[rows["exit"] == 0]


def outcome_table(section: Section) -> Table:
    """One row for each policy: who leaves at the first exit, and was right to."""
    full, shown, slugs = [], [], []
    for setup in section.setups:
        for run in setup.runs:
            rows = outcomes(rows_of(setup, run)).to_dict("records")
            for record in sorted(rows, key=lambda row: (-row["correct"], row["policy"])):
                row = {**about(section, setup, run), "policy": record["policy"]}
                row |= {name: record.get(name, math.nan) for name in ("threshold_from", "threshold", "queries")}
                learned = sorted((run.learned.get(record["policy"]) or {}).items())
                row["learned_from"] = "; ".join(f"{value} {what}" for what, value in learned)
                for name in (*COUNTS, *SHARES):
                    row |= {f"{name}{end}": record.get(f"{name}{end}", math.nan) for end in ("", "_low", "_high")}
                full.append(row)
                texts = {"setup": setup.label, "seed": str(run.seed), "policy": record["policy"]}
                texts["threshold"] = "its own" if record["threshold_from"] == OWN else "held-out identities"
                texts |= {"leave": _count(record, "left"), "right": _count(record, "correct")}
                texts |= {"wrong": _count(record, "incorrect"), "possible": _count(record, "possible")}
                texts |= {f"{name} (%)": with_interval(record, name) for name in SHARES}
                shown.append(texts)
                slugs.append(setup.slug)
    note = (
        f"{section.title}; {section.evaluated}. Queries that each policy lets go at the first exit, with a right and a "
        "wrong first match there. Thresholds: the policy's own, or the one at which right exits outnumber wrong ones "
        "by the most on identities held out of training. Possible: all whose first match is right there. "
        "Precision: share of exits that were right; recall: share of the possible that was taken. Brackets: 95 % "
        "interval over test identities."
    )
    name, title = f"{section.slug}-outcomes", f"Right and wrong exits, {section.title}"
    return Table(name, title, note, pd.DataFrame(full), pd.DataFrame(shown), tuple(slugs))


def _count(record: Record, name: str) -> str:
    value = float(record.get(name, math.nan))
    return NOTHING if math.isnan(value) else number(value, 0)
