"""What every policy's confidence tells at every exit: areas under the ROC curve, a panel an exit, a row a policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.budget.exit_auc import QUESTIONS
from bench.findings.records import with_ends
from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.inert import clean
from bench.report.figures.drawing import Drawing, canvas, heading, legend_below
from bench.report.figures.style import COLOURS, DASHED, PAGE_INCHES, REFERENCE_COLOUR
from bench.report.tables.auc import FITTED, HEADINGS, people_of

ROW_INCHES = 0.19
FURNITURE_INCHES = 1.5
"""Height of title, panel titles, numbers, label and legend together."""
CHANCE = 50.0
MARKS: dict[str, dict[str, Any]] = {
    "test": {"marker": "o", "color": COLOURS[0], "offset": -0.13, "label": "test people"},
    "calibration": {
        "marker": "D",
        "color": COLOURS[1],
        "markerfacecolor": "white",
        "offset": 0.2,
        "label": "people held out of training",
    },
    FITTED: {
        "marker": "s",
        "color": REFERENCE_COLOUR,
        "markerfacecolor": "white",
        "offset": 0.2,
        "label": "held-out people whom the policy was fitted on",
    },
}
"""How the areas of each group of people are drawn."""


def auc_figure(section: Section, setup: Setup) -> Drawing | None:
    """Areas with their intervals, of both questions, for test people and held-out ones; None where none is recorded."""
    rows = setup.rows("auc")
    if rows.empty:
        return None
    numbers = with_ends(*(f"{name}_auc" for name in QUESTIONS))
    rows = rows.reindex(columns=[*rows.columns, *(name for name in numbers if name not in rows)])
    rows = rows.assign(people=[people_of(row) for row in rows.to_dict("records")])
    means = rows.groupby(["policy", "people", "exit"])[numbers].mean()
    first = means.xs("test", level="people").xs(0, level="exit")["right_auc"]
    policies = [str(name) for name in first.sort_values(ascending=False, kind="stable").index]
    exits = setup.exit_names
    height = FURNITURE_INCHES + 2 * ROW_INCHES * len(policies) + 0.3
    with canvas(PAGE_INCHES, height, f"What confidences tell, {heading(section, setup)}") as figure:
        panels = figure.subplots(len(QUESTIONS), len(exits), sharex=True, sharey=True, squeeze=False)
        for row, question in zip(panels, QUESTIONS, strict=True):
            for index, axes in enumerate(row):
                if question == "no_better_later" and index == len(exits) - 1:
                    axes.set_visible(False)
                    continue
                _draw(axes, means, policies, question, index)
                axes.set_title(f"{exits[index]}: {HEADINGS[question]}", fontsize=7.5)
                axes.tick_params(labelbottom=True)
                if question != QUESTIONS[0] or index == len(exits) - 1:
                    axes.set_xlabel("AUC (%)")
        panels[0, 0].set_yticks(range(len(policies)), [clean(policy) for policy in policies])
        panels[0, 0].set_ylim(len(policies) - 0.5, -0.5)
        people = [name for name in MARKS if name in means.index.get_level_values("people")]
        legend_below(figure, [_handle(MARKS[name]) for name in people])
    averaged = "" if len(setup.runs) == 1 else " Means over the seeds, of the bounds as well."
    return Drawing(
        title=f"What confidences tell, {setup.label}",
        caption=(
            "Area under the ROC curve of each policy's confidence at each exit; 50 % is chance. Above: is the first "
            "match right here? Below: is no later exit's first match more often right? Bars: 95 % intervals over "
            f"identities. {setup.seeds.capitalize()}.{averaged}"
        ),
        description=f"Dots with bars in a panel for each of {len(exits)} exits and two questions, a row each for "
        f"{', '.join(policies)}.",
        figure=figure,
    )


def _draw(axes: Axes, means: pd.DataFrame, policies: Sequence[str], question: str, exit_index: int) -> None:
    axes.axvline(CHANCE, color=REFERENCE_COLOUR, linewidth=0.8, linestyle=DASHED, zorder=1)
    names = with_ends(f"{question}_auc")
    for people, looks in MARKS.items():
        style = {name: value for name, value in looks.items() if name not in ("offset", "label")}
        keys = [(policy, people, exit_index) for policy in policies]
        # One call for all policies: each that is drawn by itself takes several milliseconds.
        value, low, high = 100 * means[names].reindex(keys).to_numpy(dtype=float).T
        axes.errorbar(
            value,
            np.arange(len(policies)) + looks["offset"],
            xerr=np.fmax([value - low, high - value], 0),
            **style,
            markersize=3.4,
            markeredgewidth=0.8,
            elinewidth=0.8,
            linestyle="none",
            zorder=3,
        )
    axes.grid(False, axis="y")


def _handle(looks: dict[str, Any]) -> Line2D:
    style = {name: value for name, value in looks.items() if name != "offset"}
    return Line2D([], [], linestyle="none", markersize=4, **style)
