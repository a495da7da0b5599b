"""Whole curves in tables: which policy makes most of all budgets together, and whether that is more than noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from bench.budget.query_scores import CURVE_METRICS
from bench.budget.terms import INTERPOLATION, REACHED
from bench.report.sections import Section, Setup
from bench.report.tables.rounding import NOTHING, number, percent, with_interval
from bench.report.tables.table import Record, Table, about, records_of
from bench.runs.load import Run

LEVEL = 0.05
"""Level at which a difference counts, after Holm's correction."""


def area_table(section: Section) -> Table:
    """One row for each policy, the best first: its mean height over all budgets, and whom it beats."""
    full, shown, slugs = [], [], []
    for setup, run, thresholding, curves in _summed_up(section):
        last_macs = records_of(setup, run, "exit")[-1]["realised_cost"]
        met = [record for record in records_of(setup, run, "comparison") if record["thresholding"] == thresholding]
        for record in curves:
            beaten = _beaten_by(met, record["policy"])
            row = {**about(section, setup, run), "policy": record["policy"], "thresholding": thresholding}
            row |= {f"better_than_{metric}": "; ".join(beaten[metric]) for metric in CURVE_METRICS}
            full.append(row | {name: record.get(name, math.nan) for name in _columns()})
            texts = {
                "setup": setup.label,
                "seed": str(run.seed),
                "thresholding": thresholding,
                "policy": record["policy"],
            }
            texts["mean mAP (%)"] = with_interval(record, "mAP_area")
            texts["over line (points)"] = with_interval(record, "mAP_area_over_interpolation", signed=True)
            texts["oracle (%)"] = percent(float(record.get("mAP_area_oracle", math.nan)))
            texts["gap closed (%)"] = with_interval(record, "mAP_gap_closed")
            for reached in REACHED:
                texts[f"cost for {reached} % (%)"] = _price(record, f"mAP_cost_for_{reached}", last_macs)
            texts["better than"] = ", ".join(beaten["mAP"]) or "none"
            texts["mean rank-1 (%)"] = with_interval(record, "rank-1_area")
            shown.append(texts)
            slugs.append(setup.slug)
    note = (
        f"{section.title}; {section.evaluated}. Mean: height of the curve from the first exit's cost to the last's "
        "(area under it, normalised); where a policy falls just short of an end, that exit alone closes the curve. "
        "Over line: against drawing between neighbouring exits. Gap closed: share of the oracle's lead over that line. "
        "Cost for 95 %: of the last exit's cost, what reaches 95 % of the last exit's mAP. Better than: mean mAP "
        f"ahead, paired, p < {LEVEL} after Holm's correction over all pairs of the thresholding. Brackets: "
        "95 % interval over test identities."
    )
    name, title = f"{section.slug}-areas", f"Which policy wins, {section.title}"
    return Table(name, title, note, pd.DataFrame(full), pd.DataFrame(shown), tuple(slugs), one_mode=True)


def comparison_table(section: Section) -> Table:
    """One row for each two policies of a thresholding: the difference of their areas, with interval and p-values."""
    full, shown, slugs = [], [], []
    for setup in section.setups:
        for run in setup.runs:
            for record in records_of(setup, run, "comparison"):
                named = {name: record[name] for name in ("policy", "other", "thresholding")}
                numbers = {str(name): value for name, value in record.items() if "_area_lead" in str(name)}
                full.append({**about(section, setup, run), **named, **numbers})
                texts = {"setup": setup.label, "seed": str(run.seed), "thresholding": record["thresholding"]}
                texts |= {"policy": record["policy"], "against": record["other"]}
                for metric in CURVE_METRICS:
                    texts[f"{metric} ahead (points)"] = with_interval(record, f"{metric}_area_lead", signed=True)
                    texts[f"{metric}: p, Holm"] = _p_value(record.get(f"{metric}_area_lead_p_holm", math.nan))
                shown.append(texts)
                slugs.append(setup.slug)
    note = (
        f"{section.title}; {section.evaluated}. Differences of the mean height of two curves, paired: the same people "
        "are drawn for both. p: two-sided, from the bootstrap's standard error, corrected by Holm's method for all "
        "pairs of one run, thresholding and metric. Brackets: 95 % interval over test identities."
    )
    name, title = f"{section.slug}-comparisons", f"Policies against each other, {section.title}"
    return Table(name, title, note, pd.DataFrame(full), pd.DataFrame(shown), tuple(slugs), one_mode=True)


def _summed_up(section: Section) -> list[tuple[Setup, Run, str, list[Record]]]:
    found = []
    for setup in section.setups:
        for run in setup.runs:
            curves = records_of(setup, run, "curve")
            for thresholding in setup.thresholdings():
                of_mode = [record for record in curves if record["thresholding"] == thresholding]
                if of_mode:
                    found.append((setup, run, thresholding, sorted(of_mode, key=_best_first)))
    return found


def _best_first(record: Record) -> tuple[bool, float, str]:
    area = float(record.get("mAP_area", math.nan))
    return math.isnan(area), 0.0 if math.isnan(area) else -area, record["policy"]


def _beaten_by(met: Sequence[Record], policy: str) -> dict[str, list[str]]:
    """Whom a policy is ahead of in these comparisons, by metric, with a difference that is more than noise."""
    beaten: dict[str, list[str]] = {}
    for metric in CURVE_METRICS:
        beaten[metric] = []
        for record in met:
            lead = record.get(f"{metric}_area_lead", math.nan)
            certain = record.get(f"{metric}_area_lead_p_holm", math.nan) < LEVEL
            if certain and policy == record["policy" if lead > 0 else "other"]:
                beaten[metric].append(record["other" if lead > 0 else "policy"])
        beaten[metric].sort(key=lambda name: (name == INTERPOLATION, name))
    return beaten


def _columns() -> list[str]:
    names = []
    for metric in CURVE_METRICS:
        names += [f"{metric}_area_interpolation", f"{metric}_area_oracle"]
        for name in ("area", "area_over_interpolation", "gap_closed", *(f"cost_for_{reached}" for reached in REACHED)):
            names += [f"{metric}_{name}", f"{metric}_{name}_low", f"{metric}_{name}_high"]
    return names


def _price(record: Record, name: str, whole: float) -> str:
    """A cost with its interval, in percent of the last exit's."""
    shares = {f"price{end}": record.get(f"{name}{end}", math.nan) / whole for end in ("", "_low", "_high")}
    return with_interval(shares, "price")


def _p_value(value: Any) -> str:
    if not math.isfinite(value):
        return NOTHING
    return "< 0.001" if value < 0.001 else number(value, 3)
