"""How the budget was spent and how training went: exit shares, requested against realised cost, loss terms."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from bench.report.curves import FloatArray, policy_means, policy_runs
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
    exit_colours,
    policy_styles,
)

NOT_A_LOSS = ("epoch", "learning_rate", "seconds")
COSTS = ("requested_macs", "realised_macs")
PANELS_A_ROW = 4
LABELLED_SHARE = 0.3
"""An exit is named inside its area, too, where that many of the queries leave at it."""


def shares_figure(section: Section, setup: Setup) -> Drawing | None:
    """Stack the shares of the queries that leave at each exit, one panel a policy; None without a sweep."""
    if not setup.modes():
        return None
    mode = setup.modes()[0]
    policies = setup.policies(mode)
    names = setup.exit_names
    columns = min(len(policies), PANELS_A_ROW)
    rows = math.ceil(len(policies) / columns)
    spent = {policy: _shares(setup, policy, mode) for policy in policies}
    every_macs = np.concatenate([macs for macs, _ in spent.values()])
    unit = MacUnit.fitting(every_macs.max())
    with canvas(PAGE_INCHES if columns > 1 else COLUMN_INCHES, 0.7 + 1.75 * rows) as figure:
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes in grid.flat[len(policies) :]:
            axes.remove()
        for place, (axes, policy) in enumerate(zip(grid.flat, policies, strict=False)):
            _stack(axes, *spent[policy], names, unit)
            axes.set_title(policy)
            cost_axis(axes, every_macs.min() / unit.macs, every_macs.max() / unit.macs, unit)
            axes.set_xlim(every_macs.min() / unit.macs, every_macs.max() / unit.macs)
            axes.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 2.5, 5, 10]))
            axes.set_xlabel("")
            # The last panel of a column that ends early keeps its numbers, there is none below it.
            axes.tick_params(labelbottom=place + columns >= len(policies))
        for axes in grid[:, 0]:
            axes.set_ylabel("Queries (%)")
        figure.supxlabel(unit.label("Realised multiply-adds a query"), fontsize=8)
        handles = [
            Patch(facecolor=colour, label=name) for colour, name in zip(exit_colours(len(names)), names, strict=True)
        ]
        figure.legend(handles=handles[::-1], loc="outside right center", handlelength=1.2)
        set_title(figure, f"Exits taken, {heading(section, setup)}")
    averaged = "" if len(setup.runs) == 1 else " Means over the seeds at the same budget."
    return Drawing(
        name=drawing_name(section, setup, "shares"),
        title=f"Exits taken, {setup.label}",
        caption=f"Share of the queries that leave at each exit, mode {mode}, {setup.seeds}.{averaged}",
        description=f"Stacked areas of exit shares against realised cost; a panel each for {', '.join(policies)}.",
        figure=figure,
    )


def _shares(setup: Setup, policy: str, mode: str) -> tuple[FloatArray, FloatArray]:
    """Realised cost (K,) in order, and the shares of the exits (K, S) there."""
    columns = [f"exit_share_{index + 1}" for index in range(len(setup.exit_names))]
    values = policy_means(setup, policy, mode, ["realised_macs", *columns])
    values = values[np.argsort(values[:, 0], kind="stable")]
    return values[:, 0], values[:, 1:]


def _stack(axes: Axes, macs: FloatArray, shares: FloatArray, names: tuple[str, ...], unit: MacUnit) -> None:
    colours = exit_colours(len(names))
    axes.stackplot(macs / unit.macs, 100 * shares.T, colors=colours, edgecolor="white", linewidth=0.5)
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 50, 100])
    axes.grid(False)
    if len(macs) < 2:
        return
    # A name needs room on both sides: it goes where its area is thickest, away from the panel's edges.
    span = macs[-1] - macs[0]
    inside = np.linspace(macs[0] + 0.2 * span, macs[-1] - 0.2 * span, 61)
    heights = np.stack([np.interp(inside, macs, share) for share in shares.T], axis=1)
    for index, name in enumerate(names):
        best = int(heights[:, index].argmax())
        if heights[best, index] < LABELLED_SHARE:
            continue
        middle = heights[best, :index].sum() + heights[best, index] / 2
        dark = float(np.dot(to_rgb(colours[index]), (0.299, 0.587, 0.114))) < 0.55
        ink = "white" if dark else "black"
        axes.text(inside[best] / unit.macs, 100 * middle, name, ha="center", va="center", fontsize=8, color=ink)


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
        figure.legend(handles=[reference, *handles_of(styles)], loc="outside right center")
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
            axes.xaxis.get_major_locator().set_params(integer=True, nbins=4)
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
