"""How training went: every loss term over the epochs."""

from __future__ import annotations

import math
from itertools import cycle

import numpy as np
from matplotlib.ticker import MaxNLocator

from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.report.figures.drawing import Drawing, canvas, heading
from bench.report.figures.labels import name_lines
from bench.report.figures.marks import MOST_SEEDS, seeds_left_out
from bench.report.figures.style import COLOURS, logarithmic_where_wide
from bench.runs.finished import NO_LOSSES

SUM = "sum of the terms"
LABEL_HEIGHT = 0.075
"""Room that a name needs, as a share of the panel's height."""
WIDE = 5
"""Values that differ by more than this factor stand on a logarithmic axis."""


def training_figure(section: Section, setup: Setup) -> Drawing | None:
    """Draw every loss term over the epochs, a line for each seed; None where no history was kept."""
    histories = [run.history for run in setup.runs if run.history][:MOST_SEEDS]
    terms = {name for history in histories for entry in history for name in entry} - set(NO_LOSSES)
    numeric = sorted(term for term in terms if all(_is_number(e.get(term)) for h in histories for e in h))
    if not numeric:
        return None
    names = {term: SUM if term == "loss" else term.replace("_", " ") for term in numeric}
    colours = dict(zip(sorted(set(numeric) - {"loss"}), cycle(COLOURS), strict=False)) | {"loss": "black"}
    epochs = [np.array([e.get("epoch", at) for at, e in enumerate(h, 1)], dtype=float) for h in histories]
    values = {term: [np.array([e[term] for e in h], dtype=float) for h in histories] for term in numeric}
    every = np.concatenate([line for lines in values.values() for line in lines])
    with canvas(4.6, 2.5, f"Training, {heading(section, setup)}") as figure:
        axes = figure.subplots()
        for term, lines in values.items():
            marker = "o" if max(map(len, lines)) < 3 else ""
            for across, line in zip(epochs, lines, strict=True):
                axes.plot(across, line, color=colours[term], marker=marker, linewidth=1)
        axes.set_ylabel("Loss")
        if not logarithmic_where_wide(axes, every.min(), every.max(), "y", WIDE):
            axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
            axes.set_ylim(min(0.0, 1.05 * every.min()), 1.08 * every.max() or 1.0)
        axes.set_ylim(axes.get_ylim())
        axes.set_xlabel("Epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        right = max(line[-1] for line in epochs)
        low, high = axes.get_xlim()
        ends = {
            names[term]: ((right - low) / (high - low), float(np.mean([line[-1] for line in lines])))
            for term, lines in values.items()
        }
        name_lines(axes, ends, {names[term]: colours[term] for term in numeric}, LABEL_HEIGHT)
    return Drawing(
        title=f"Training, {setup.label}",
        caption=f"Loss terms, weighted as they are minimised, over the epochs; {setup.seeds}, one line each."
        f"{seeds_left_out(setup)}",
        description=f"Line chart over the epochs of {', '.join(names.values())}.",
        figure=figure,
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
