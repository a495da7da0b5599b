"""How well every policy's confidence tells whom to let go, at every exit: areas under the ROC curve."""

from __future__ import annotations

import math
from functools import cache

from bench import registry
from bench.budget.exit_auc import QUESTIONS
from bench.errors import BenchError
from bench.findings.columns import SETUP_AND_SEED, named, scored, shared
from bench.findings.records import about, each_record, taken, with_ends
from bench.findings.rounding import Row
from bench.findings.sections import Section
from bench.findings.table import Column, Table, table

FITTED = "fitted"
"""Stands for held-out people whom the policy itself was fitted on: it tells more of them than of others."""
PEOPLE = {"test": "test", "calibration": "held out", FITTED: "held out, fitted on them"}
"""Whom areas are of, as people read it."""
HEADINGS = {"right": "right here", "no_better_later": "no later exit better"}
"""What a confidence is asked to tell, as people read it."""


def auc_table(section: Section) -> Table:
    """One row for each policy, exit and group of people, the most telling policy first."""
    rows = []
    for setup, run, record in each_record(section, "auc"):
        row = {**about(section, setup, run), "policy": record["policy"], "exit": record["exit_name"]}
        row |= {"people": record["people"], "queries": record["queries"], "_order": int(record["exit"])}
        names = [one for name in QUESTIONS for one in (name, *with_ends(f"{name}_auc"))]
        rows.append(row | taken(record, names))
    rows.sort(key=lambda row: (row["setup"], row["seed"], row["_order"], row["people"] != "test", _last(row)))
    columns = [
        *SETUP_AND_SEED,
        named("exit"),
        named("policy"),
        Column("people", lambda row: PEOPLE.get(people := people_of(row), people), is_number=False),
    ]
    for name in QUESTIONS:
        columns += [scored(f"AUC: {HEADINGS[name]} (%)", f"{name}_auc"), shared(f"{HEADINGS[name]} (%)", name)]
    note = (
        f"{section.title}; {section.evaluated}. Area under the ROC curve of each policy's confidence, 50 % is chance. "
        "Right here: a query whose first match is right at this exit should have more confidence than one whose is "
        "not. No later exit better: a query that no later exit would serve better should have more than one that some "
        "later exit would, by its first match. Beside each area: the share of queries for which that holds. Equal "
        "confidence counts half. Held out: identities held out of training; fitted on them: the policy "
        "learned from these very people, so that the area says how well it fits, not how well it tells. "
        "Brackets: 95 % interval over identities."
    )
    return table(f"{section.slug}-auc", f"What confidences tell, {section.title}", note, rows, columns)


def people_of(record: Row) -> str:
    """Name the people that an area is of, as :data:`PEOPLE` lists them."""
    people, policy = str(record["people"]), str(record["policy"])
    return FITTED if people == "calibration" and _learns_from_held_out(policy) else people


@cache
def _learns_from_held_out(name: str) -> bool:
    """Tell whether a policy is fitted on held-out identities; of one that is not installed nothing is known."""
    try:
        return getattr(registry.policy(name), "needs", "") == "calibration"
    except BenchError:
        return False


def _last(row: dict[str, object]) -> tuple[float, str]:
    area = float(str(row["right_auc"]))
    return (math.inf if math.isnan(area) else -area), str(row["policy"])
