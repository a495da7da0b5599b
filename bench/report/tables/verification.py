"""Same person or not, exit by exit: error rates, and the distance to set for each false-accept rate."""

from __future__ import annotations

import math

from bench.budget.verification import FALSE_ACCEPT_RATES
from bench.counts import NOTHING
from bench.findings.columns import SETUP_AND_SEED, named, rounded, scored, shared
from bench.findings.records import about, each_record, taken, with_ends
from bench.findings.rounding import number
from bench.findings.sections import Section
from bench.findings.table import Column, Record, Table, table

WHOLE = {"binary": 0}
"""Decimals of a distance by the kind of code: bits are rounded."""


def verification_table(section: Section) -> Table:
    """One row for each exit of each run whose pairs were compared."""
    rates = list(FALSE_ACCEPT_RATES)
    values = with_ends(*(f"true_accepts_at_{rate}" for rate in rates))
    values += [f"distance_at_{rate}" for rate in rates]
    rows = []
    for setup, run, record in each_record(section, "verification"):
        exit_ = run.exits[int(record["exit"])]
        row = {**about(section, setup, run), "exit": exit_.name, "code": exit_.code, "length": exit_.length}
        row |= {name: record[name] for name in ("roc_area", "equal_error_rate", "genuine_pairs", "impostor_pairs")}
        rows.append(row | taken(record, values))
    columns = [
        *SETUP_AND_SEED,
        named("exit"),
        Column("code", lambda row: f"{row['length']} " + ("bits" if row["code"] == "binary" else "numbers"), False),
        shared("ROC area (%)", "roc_area"),
        shared("EER (%)", "equal_error_rate"),
        *(scored(f"TAR at FAR {rate} (%)", f"true_accepts_at_{rate}") for rate in rates),
        *(_distance(rate) for rate in rates),
        rounded("genuine pairs", "genuine_pairs"),
        rounded("impostor pairs", "impostor_pairs"),
    ]
    note = (
        f"{section.title}. Every query against every gallery image; pairs of one person in one camera are left out. A "
        "pair is accepted as one person up to a distance. TAR, FAR: fractions of the genuine and of the impostor pairs "
        "that are accepted; EER: where as many genuine pairs are refused as impostors accepted. Distance: the "
        "threshold that keeps to the rate, in bits or Euclidean. Brackets: 95 % interval over test identities at that "
        "distance."
    )
    return table(f"{section.slug}-verification", f"Same person or not, {section.title}", note, rows, columns)


def _distance(rate: str) -> Column:
    def text(row: Record) -> str:
        value = float(row[f"distance_at_{rate}"])
        return NOTHING if math.isnan(value) else number(value, WHOLE.get(str(row["code"]), 3))

    return Column(f"distance at {rate}", text)
