"""Right and wrong exits of every policy at the first exit: HashReID's Figure 5, and the numbers under it."""

from __future__ import annotations

import math

import pandas as pd

from bench.budget.terms import OWN
from bench.report.figures import Drawing, canvas, drawing_name, heading, set_title
from bench.report.rounding import NOTHING, number, with_interval
from bench.report.sections import Section, Setup
from bench.report.style import COLOURS, COLUMN_INCHES, REFERENCE_COLOUR
from bench.report.tables import Table, about, rows_of

RIGHT_COLOUR, WRONG_COLOUR = COLOURS[2], COLOURS[3]
COUNTS = ("left", "correct", "incorrect", "possible")
SHARES = ("precision", "recall")


def outcome_figure(section: Section, setup: Setup) -> Drawing | None:
    """Stack the right and the wrong exits of each policy beside the most right ones that could be had; None unswept."""
    rows = _outcomes(setup.table)
    if rows.empty:
        return None
    means = rows.groupby("policy")[list(COUNTS)].mean().sort_values("correct")
    with canvas(COLUMN_INCHES, 1.15 + 0.26 * len(means)) as figure:
        axes = figure.subplots()
        places = range(len(means))
        axes.barh(places, means["correct"], color=RIGHT_COLOUR, label="right first match", height=0.7)
        axes.barh(
            places,
            means["incorrect"],
            left=means["correct"],
            color=WRONG_COLOUR,
            hatch="////",
            edgecolor="white",
            linewidth=0,
            label="wrong first match",
            height=0.7,
        )
        possible = float(means["possible"].mean())
        axes.axvline(possible, color=REFERENCE_COLOUR, linestyle=(0, (4, 2)), label="most that could be right")
        axes.set_yticks(list(places), list(means.index))
        axes.set_xlim(0, max(possible, means["left"].max()) * 1.04)
        axes.set_xlabel("Queries that leave at the first exit")
        axes.grid(False, axis="y")
        line, *bars = axes.get_legend_handles_labels()[0]
        figure.legend(handles=[*bars, line], loc="outside lower center", ncols=2, handlelength=1.4, columnspacing=1.2)
        set_title(figure, f"Who leaves first, {heading(section, setup)}")
    queries = round(float(rows["queries"].mean()))
    averaged = "" if len(setup.runs) == 1 else " Means over the seeds."
    return Drawing(
        name=drawing_name(section, setup, "outcomes"),
        title=f"Right and wrong exits, {setup.label}",
        caption=(
            f"Of {queries:,} queries, those that each policy lets go at the first exit, {setup.seeds}. Thresholds are "
            "the policy's own, or chosen on held-out identities where right exits outnumber wrong ones by the most."
            f"{averaged}"
        ),
        description=f"Stacked bars of right and wrong exits for {', '.join(means.index)}.",
        figure=figure,
    )


def outcome_table(section: Section) -> Table:
    """One row for each policy: who leaves at the first exit, and was right to."""
    full, shown, slugs = [], [], []
    for setup in section.setups:
        for run in setup.runs:
            rows = _outcomes(rows_of(setup, run))
            for _, record in rows.sort_values("correct", ascending=False).iterrows() if len(rows) else ():
                row = {**about(section, setup, run), "policy": record["policy"]}
                row |= {name: record.get(name, math.nan) for name in ("threshold_from", "threshold", "queries")}
                learned = (run.header.get("learned") or {}).get(record["policy"]) or {}
                row["learned_from"] = "; ".join(f"{value} {what}" for what, value in learned.items())
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


def _outcomes(table: pd.DataFrame) -> pd.DataFrame:
    rows = table[table["kind"] == "outcome"]
    return rows[rows["exit"] == 0]


def _count(record: pd.Series, name: str) -> str:
    value = float(record.get(name, math.nan))
    return NOTHING if math.isnan(value) else number(value, 0)
