"""Whole curves: which policy makes most of all budgets together, and whether that is more than noise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd

from bench.budget.curve_area import MINIMUM_REACH
from bench.budget.query_scores import CURVE_METRICS
from bench.budget.terms import INTERPOLATION, NO_GAP, NOT_REACHED, REACHED
from bench.counts import NOTHING
from bench.findings.columns import SETUP_AND_SEED, named, scored, shared
from bench.findings.leads import LEVEL, policy_leads
from bench.findings.records import about, taken, with_ends
from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.findings.table import Column, Record, Table, table
from bench.findings.versions import version_remark
from bench.runs.finished import Run


def area_table(section: Section) -> Table:
    """One row for each policy, the best first: its mean height over all budgets, and whom it beats."""
    beaten = _beaten(section)
    values = _values()

    def rows() -> Iterator[dict[str, Any]]:
        for setup, run, thresholding, curves in _summed_up(section):
            last_cost = run.frames.records("exit")[-1]["realised_cost"]
            for record in curves:
                row = {**about(section, setup, run), "policy": record["policy"], "thresholding": thresholding}
                for metric in CURVE_METRICS:
                    names = beaten.get((metric, setup.label, thresholding, record["policy"]), [])
                    # Interpolation is no policy: it comes last.
                    row[f"better_than_{metric}"] = "; ".join(sorted(names, key=lambda one: (one == INTERPOLATION, one)))
                row |= taken(record, values)
                prices = with_ends(*map(str, REACHED))
                yield row | {f"_price_{name}": row[f"mAP_cost_for_{name}"] / last_cost for name in prices}

    columns = [
        *SETUP_AND_SEED,
        named("thresholding"),
        named("policy"),
        scored("mean mAP (%)", "mAP_area"),
        scored("over interpolation (points)", "mAP_area_over_interpolation", signed=True),
        scored("over the hull (points)", "mAP_area_over_hull", signed=True),
        shared("oracle (%)", "mAP_area_oracle"),
        scored("gap closed (%)", "mAP_gap_closed"),
        *(scored(f"cost for {reached} % (%)", f"_price_{reached}") for reached in REACHED),
        Column("better than", _better_than, is_number=False),
        scored("mean rank-1 (%)", "rank-1_area"),
    ]
    note = (
        f"{section.title}; {section.evaluated}. Mean: height of the curve from the first exit's cost to the last's "
        "(area under it, normalised); where a policy falls just short of an end, that exit alone closes the curve. "
        "Over interpolation: against chance between neighbouring exits; over the hull: between those exits alone that, "
        "by their mAP on held-out identities, are worth their cost. Gap closed: share of the oracle's lead over "
        "interpolation. Cost for 95 %: of the last exit's cost, what reaches 95 % of the last exit's mAP. "
        "Better than: mean mAP ahead over people and the setup's seeds (table of policies against each other), "
        f"p < {LEVEL} after Holm's correction. "
        f"Brackets: 95 % interval over test identities.{version_remark(section)}"
    )
    title = f"Which policy wins, {section.title}"
    made = table(f"{section.slug}-areas", title, note, rows(), columns, first_thresholding=True)
    return replace(made, note=note + _dashes(made.rows)) if len(made) else made


def _dashes(rows: pd.DataFrame) -> str:
    """Say why values are missing, where some are."""
    short = rows["mAP_area"].isna()
    said = f" A dash: the curve covers less than {100 * MINIMUM_REACH:.0f} % of the way, and was not compared."
    told = [said] if short.any() else []
    if (rows["mAP_gap_closed"].isna() & ~short).any():
        told.append(f" A dash under gap closed: {NO_GAP}.")
    if any((rows[f"mAP_cost_for_{reached}"].isna() & ~short).any() for reached in REACHED):
        told.append(f" A dash under cost: {NOT_REACHED}.")
    return "".join(told)


def _better_than(row: Record) -> str:
    """Name whom a policy beats; a dash where it has no area, so that nothing was compared."""
    return row["better_than_mAP"].replace(";", ",") or (NOTHING if math.isnan(row["mAP_area"]) else "none")


def _summed_up(section: Section) -> Iterator[tuple[Setup, Run, str, list[Record]]]:
    """Go through runs and thresholdings: summed-up curves, the best first."""
    for setup in section.setups:
        for run in setup.runs:
            curves = run.frames.records("curve")
            for thresholding in setup.thresholdings():
                chosen = [record for record in curves if record["thresholding"] == thresholding]
                yield setup, run, thresholding, sorted(chosen, key=_best_first)


def _best_first(record: Record) -> tuple[bool, float, str]:
    area = float(record.get("mAP_area", math.nan))
    return math.isnan(area), 0.0 if math.isnan(area) else -area, record["policy"]


def _beaten(section: Section) -> dict[tuple[str, str, str, str], list[str]]:
    """Name whom each policy is ahead of by more than noise, by metric, setup, thresholding and policy."""
    beaten: dict[tuple[str, str, str, str], list[str]] = {}
    leads = policy_leads(section)
    for metric in CURVE_METRICS:
        columns = ["setup", "thresholding", "policy", "other", f"{metric}_lead", f"{metric}_lead_p_holm"]
        read = leads.reindex(columns=columns)
        for *where, policy, other, lead, _ in read[read[columns[-1]] < LEVEL].itertuples(index=False, name=None):
            first, second = (policy, other) if lead > 0 else (other, policy)
            beaten.setdefault((metric, *where, first), []).append(second)
    return beaten


def _values() -> list[str]:
    names = []
    for metric in CURVE_METRICS:
        names += [f"{metric}_area_interpolation", f"{metric}_area_hull", f"{metric}_area_oracle"]
        over = ("area_over_interpolation", "area_over_hull", "gap_closed", "hull_gap_closed")
        summed_up = ("area", *over, *(f"cost_for_{reached}" for reached in REACHED))
        names += with_ends(*(f"{metric}_{name}" for name in summed_up))
    return names
