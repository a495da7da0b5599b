"""Whether the budget was kept and how training went: requested against realised cost, loss terms."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.curves import FloatArray, policy_runs
from bench.report.figures import Drawing, canvas, drawing_name, heading, set_title
from bench.report.marks import handles_of, joined
from bench.report.rounding import number
from bench.report.sections import Section, Setup
from bench.report.style import (
    COLUMN_INCHES,
    PAGE_INCHES,
    REFERENCE_COLOUR,
    LineStyle,
    MacUnit,
    cost_axis,
    policy_styles,
)

NOT_A_LOSS = ("epoch", "learning_rate", "seconds")
COSTS = ("requested_macs", "realised_macs")
PANELS_A_ROW = 4


def cost_figure(section: Section, setup: Setup) -> Drawing | None:
    """Draw realised against requested cost, a panel a mode; on the diagonal a budget is kept. None without a sweep."""
    modes = setup.modes()
    if not modes:
        return None
    styles = policy_styles({policy for mode in modes for policy in setup.policies(mode)})
    swept = setup.table[setup.table["kind"] == "policy"]
    low = float(swept[list(COSTS)].min().min())
    high = float(swept[list(COSTS)].max().max())
    unit = MacUnit.fitting(high)
    with canvas(min(PAGE_INCHES, 1.4 + 2.1 * len(modes)), 2.9) as figure:
        for axes, mode in zip(figure.subplots(1, len(modes), sharey=True, squeeze=False)[0], modes, strict=True):
            axes.plot([low / unit.macs, high / unit.macs], [low / unit.macs, high / unit.macs], color=REFERENCE_COLOUR)
            for place, policy in enumerate(setup.policies(mode)):
                costs = [run.T / unit.macs for run in policy_runs(setup, policy, mode, COSTS)]
                requested, realised = (joined(parts) for parts in zip(*costs, strict=True))
                _draw_cost(axes, requested, realised, styles[policy], place)
            axes.set_title(f"mode {mode}")
            cost_axis(axes, low / unit.macs, high / unit.macs, unit)
            axes.set_xlabel("")
        figure.supxlabel(unit.label("Requested multiply-adds a query"), fontsize=8)
        figure.supylabel(unit.label("Realised"), fontsize=8)
        reference = Line2D([], [], color=REFERENCE_COLOUR, label="as requested")
        figure.legend_beside([reference, *handles_of(styles)])
        set_title(figure, f"Budget kept, {heading(section, setup)}")
    excesses = 100 * (swept["realised_macs"] / swept["requested_macs"] - 1)
    place = int(excesses.abs().to_numpy().argmax())
    worst = swept.iloc[place]
    excess = number(excesses.iloc[place], 1, signed=True)
    largest = f"The largest deviation is {excess}\N{NO-BREAK SPACE}% ({worst['policy']}, mode {worst['mode']})."
    return Drawing(
        name=drawing_name(section, setup, "cost"),
        title=f"Requested and realised budget, {setup.label}",
        caption=f"Realised against requested multiply-adds a query on {section.title}, {setup.seeds}. {largest}",
        description=f"Line chart of realised against requested cost for {', '.join(styles)}. {largest}",
        figure=figure,
    )


def _draw_cost(axes: Axes, requested: FloatArray, realised: FloatArray, style: LineStyle, place: int) -> None:
    # The lines nearly coincide: markers that take turns show which ones are there.
    every = (min(place, max(len(requested) - 1, 0)), max(1, len(requested) // 4))
    axes.plot(requested, realised, **style.line(), **style.points(), markevery=every, linewidth=1)


def training_figure(section: Section, setup: Setup) -> Drawing | None:
    """Draw every loss term over the epochs, a panel each with its own scale; None where no history was kept."""
    histories = [(run.seed, run.history) for run in setup.runs if run.history]
    terms = {name for _, history in histories for entry in history for name in entry} - set(NOT_A_LOSS)
    numeric = sorted(term for term in terms if all(_is_number(e.get(term)) for _, h in histories for e in h))
    if not numeric:
        return None
    ordered = sorted(numeric, key=lambda term: (term != "loss", term))
    columns = min(len(ordered), PANELS_A_ROW)
    rows = math.ceil(len(ordered) / columns)
    with canvas(max(COLUMN_INCHES, PAGE_INCHES * columns / PANELS_A_ROW), 0.6 + 1.5 * rows) as figure:
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.flat[len(ordered) :]:
            axes.remove()
        for axes, term in zip(grid.flat, ordered, strict=False):
            for place, (_, history) in enumerate(histories):
                epochs = [entry.get("epoch", at + 1) for at, entry in enumerate(history)]
                values = [entry[term] for entry in history]
                marker = "o" if len(epochs) < 3 else ""
                axes.plot(epochs, values, color="#0173b2", marker=marker, linewidth=1, alpha=1 / (1 + 0.25 * place))
            every = [entry[term] for _, history in histories for entry in history]
            if min(every) >= 0:
                axes.set_ylim(0, 1.08 * max(every) or 1)
            axes.set_title("sum of the terms" if term == "loss" else term.replace("_", " "))
            axes.locator_params(nbins=4)
            axes.xaxis.get_major_locator().set_params(integer=True)
        figure.supxlabel("Epoch", fontsize=8)
        figure.supylabel("Loss", fontsize=8)
        set_title(figure, f"Training, {heading(section, setup)}")
    return Drawing(
        name=drawing_name(section, setup, "training"),
        title=f"Training, {setup.label}",
        caption=f"Loss terms, weighted as they are minimised, over the epochs; {setup.seeds}, one line each.",
        description=f"Line charts over the epochs, a panel each for {', '.join(ordered)}.",
        figure=figure,
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
