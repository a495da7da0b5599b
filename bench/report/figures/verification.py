"""Same person or not: true against false accepts of every exit, a curve each."""

from __future__ import annotations

import numpy as np
from matplotlib.lines import Line2D

from bench.findings.rounding import percent
from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.report.figures.drawing import Drawing, canvas, heading, legend_below
from bench.report.figures.style import exit_colours, line_styles, logarithmic
from bench.report.figures.values import draw_named
from bench.retrieval.table import FloatArray

WIDTH_INCHES, HEIGHT_INCHES = 4.6, 3.5


def verification_figure(section: Section, setup: Setup) -> Drawing | None:
    """Draw the ROC curve of each exit, false accepts on a logarithmic axis; None where no pairs were compared."""
    curves = [_curve(setup, index) for index in range(len(setup.exit_names))]
    if any(not len(rates) for rates, _ in curves):
        return None
    looks = list(line_styles(setup.exit_names).values())
    with canvas(WIDTH_INCHES, HEIGHT_INCHES, f"Same person or not, {heading(section, setup)}") as figure:
        axes = figure.subplots()
        handles = []
        for name, colour, look, (rates, accepted) in zip(
            setup.exit_names, exit_colours(len(curves)), looks, curves, strict=True
        ):
            style = {"color": colour, "linestyle": look.dash}
            texts = [
                f"{name}: {percent(y)} % at {100 * x:.2g} % false accepts" for x, y in zip(rates, accepted, strict=True)
            ]
            draw_named(axes, 100 * rates, 100 * accepted, texts, **style)
            handles.append(Line2D([], [], **style, label=name))
        axes.set_xlabel("False accepts (% of impostor pairs)")
        logarithmic(axes)
        axes.set_ylabel("True accepts (% of genuine pairs)")
        axes.set_ylim(0, 102)
        legend_below(figure, handles)
    mean = "" if len(setup.runs) == 1 else " Means over the seeds at the same rate."
    return Drawing(
        title=f"Same person or not, {setup.label}",
        caption=(
            f"Every query against every gallery image of {section.title}, {setup.seeds}: how many pairs of one person "
            f"are accepted at the distance that accepts so many pairs of two people.{mean}"
        ),
        description=f"Line chart of true against false accept rate, a line each for {', '.join(setup.exit_names)}.",
        figure=figure,
    )


def _curve(setup: Setup, exit_index: int) -> tuple[FloatArray, FloatArray]:
    """False and true accept rates (K,) of one exit: means over the runs at the rates that all have."""
    of_runs = [
        {
            record["false_accept_rate"]: record["true_accept_rate"]
            for record in run.frames.records("roc")
            if record["exit"] == exit_index
        }
        for run in setup.runs
    ]
    rates = sorted(set.intersection(*(set(of_run) for of_run in of_runs)))
    return np.array(rates), np.array([[of_run[rate] for rate in rates] for of_run in of_runs]).mean(axis=0)
