"""Right and wrong exits of every policy at the first exit: HashReID's Figure 5."""

from __future__ import annotations

from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.findings.versions import version_remark
from bench.inert import clean
from bench.report.figures.drawing import Drawing, canvas, heading, legend_below
from bench.report.figures.style import COLOURS, COLUMN_INCHES, DASHED, REFERENCE_COLOUR
from bench.report.tables.outcomes import COUNTS

RIGHT_COLOUR, WRONG_COLOUR = COLOURS[2], COLOURS[3]


def outcome_figure(section: Section, setup: Setup) -> Drawing | None:
    """Stack the right and the wrong exits of each policy beside the most right ones that could be had; None unswept."""
    rows = setup.rows("outcome")
    if rows.empty or (rows := rows[rows["exit"] == 0]).empty:
        return None
    means = rows.groupby("policy")[list(COUNTS)].mean().sort_values("correct", kind="stable")
    with canvas(COLUMN_INCHES, 1.5 + 0.26 * len(means), f"Who leaves first, {heading(section, setup)}") as figure:
        axes = figure.subplots()
        rows_up = range(len(means))
        axes.barh(rows_up, means["correct"], color=RIGHT_COLOUR, label="right first match", height=0.7)
        axes.barh(
            rows_up,
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
        axes.axvline(possible, color=REFERENCE_COLOUR, linestyle=DASHED, label="most that could be right")
        axes.set_yticks(list(rows_up), [clean(policy) for policy in means.index])
        axes.set_xlim(0, max(possible, means["left"].max()) * 1.04)
        axes.set_xlabel("Queries that leave at the first exit")
        axes.grid(False, axis="y")
        line, *bars = axes.get_legend_handles_labels()[0]
        legend_below(figure, [*bars, line], handlelength=1.4, columnspacing=1.2)
    queries = round(float(rows["queries"].mean()))
    averaged = "" if len(setup.runs) == 1 else " Means over the seeds."
    return Drawing(
        title=f"Right and wrong exits, {setup.label}",
        caption=(
            f"Of {queries:,} queries, those that each policy lets go at the first exit, {setup.seeds}. Thresholds are "
            "the policy's own, or chosen on held-out identities where right exits outnumber wrong ones by the most."
            f"{averaged}{version_remark(section)}"
        ),
        description=f"Stacked bars of right and wrong exits for {', '.join(means.index)}.",
        figure=figure,
    )
