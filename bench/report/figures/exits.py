"""Accuracy at every exit, all setups of a section in one figure: HashReID's Figure 3 on any dataset."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from bench.findings.curves import Curve, exit_curve
from bench.findings.sections import Section
from bench.findings.setups import Setup, trained
from bench.report.figures.drawing import Drawing, canvas, legend_below
from bench.report.figures.labels import name_lines
from bench.report.figures.marks import handles_of
from bench.report.figures.style import PAGE_INCHES, LineStyle, method_styles
from bench.report.figures.values import draw_named

PANELS = ("rank-1", "mAP")
SIDEWAYS = 0.05
"""How far apart setups stand at the same exit, so that their bars do not hide one another; in exits."""
BESIDE = 0.15
"""How far beside the last exit embeddings stand that are no exits."""
LABEL_LETTERS = 28
"""Names of so many letters have room beside the panels; longer ones stand in a legend."""
LABELLED = 8
"""Lines that can carry their names at their ends; more have them in a legend alone."""
LABEL_HEIGHT = 0.052
"""Room that a name needs, as a share of the panel's height."""


def exit_figure(section: Section) -> Drawing | None:
    """Draw rank-1 and mAP over the exits, a line for each setup; None where no setup has several exits."""
    setups = [setup for setup in section.setups if len(setup.exit_names) > 1]
    if not setups:
        return None
    styles = method_styles({setup.label: setup.method for setup in section.setups})
    most = max(len(setup.exit_names) for setup in setups)
    labelled = len(section.setups) <= LABELLED and max(map(len, styles)) <= LABEL_LETTERS
    title = f"Accuracy at every exit, {section.title}"
    with canvas(PAGE_INCHES, 3.1, title, labels=() if labelled else styles) as figure:
        for axes, metric in zip(figure.subplots(1, 2), PANELS, strict=True):
            curves = {setup.label: exit_curve(setup, metric) for setup in section.setups}
            for index, (label, curve) in enumerate(curves.items()):
                _line(axes, curve, styles[label], SIDEWAYS * (index - (len(curves) - 1) / 2))
            for setup in setups:
                _extras(axes, setup, metric, styles[setup.label])
            axes.set_xticks(range(1, most + 1))
            axes.set_xlim(0.6, most + 0.4)
            axes.set_xlabel("Exit")
            axes.set_ylabel(f"{metric} (%)")
            axes.grid(False, axis="x")
            if labelled and metric == PANELS[-1]:
                _name_lines(axes, curves, styles)
        if not labelled:
            handles = handles_of({setup.label: styles[setup.label] for setup in section.setups})
            legend_below(figure, handles)
    several = any(len(setup.runs) > 1 for setup in section.setups)
    beside = [f"{setup.label}: {', '.join(_extra_names(setup))}" for setup in setups if _extra_names(setup)]
    crosses = f" Crosses: embeddings that are no exits, beside the last ({'; '.join(beside)})." if beside else ""
    spread = " Several seeds: their mean, and from the lowest of them to the highest." if several else ""
    seeds = trained(section.setups)
    return Drawing(
        title=title,
        caption=(
            "Everybody at one exit, first to last; a level line is a method without exits. Bars and bands: 95 % "
            f"intervals over test identities for single seeds.{spread}{crosses} Trained: {seeds}."
        ),
        description=f"Two line charts, rank-1 and mAP over the exits 1 to {most}, a line each for {seeds}.",
        figure=figure,
    )


def _line(axes: Axes, curve: Curve, style: LineStyle, sideways: float) -> None:
    low, high = curve.low, curve.high
    if curve.single_seeds:
        seeds = np.array([single[: len(curve)] for _, single in curve.single_seeds])
        low, high = seeds.min(axis=0), seeds.max(axis=0)
    if len(curve) == 1:
        axes.axhline(100 * curve.values[0], **style.line(), linewidth=0.9, zorder=2)
        if low is not None and high is not None:
            axes.axhspan(100 * low[0], 100 * high[0], color=style.colour, alpha=0.16, linewidth=0, zorder=1)
        return
    exits = np.arange(1, len(curve) + 1) + sideways
    axes.plot(exits, 100 * curve.values, **style.line(), **style.points(), markersize=5, zorder=3)
    if low is not None and high is not None:
        axes.vlines(exits, 100 * low, 100 * high, color=style.colour, linewidth=0.9, zorder=2)


def _extras(axes: Axes, setup: Setup, metric: str, style: LineStyle) -> None:
    """Mark what was scored beside the exits, means over the seeds, at the last exit."""
    for name in _extra_names(setup):
        rows = [row for run in setup.runs for row in run.frames.records("extra") if row["other"] == name]
        value = 100 * float(np.mean([row[metric] for row in rows]))
        at = len(setup.exit_names) + BESIDE
        looks = {"marker": "x", "color": style.colour, "markersize": 5.5, "markeredgewidth": 1.4, "zorder": 4}
        draw_named(axes, [at], [value], [f"{setup.label}, {name} (no exit): {metric} {value:.1f} %"], **looks)


def _extra_names(setup: Setup) -> list[str]:
    return list(dict.fromkeys(row["other"] for run in setup.runs for row in run.frames.records("extra")))


def _name_lines(axes: Axes, curves: Mapping[str, Curve], styles: Mapping[str, LineStyle]) -> None:
    """Write each setup's name beside the panel at the height of its last exit."""
    axes.margins(y=0.06)
    left, right = axes.get_xlim()
    ends = {
        label: ((len(curve) - left) / (right - left) if len(curve) > 1 else 1, 100 * float(curve.values[-1]))
        for label, curve in curves.items()
    }
    name_lines(axes, ends, {label: styles[label].colour for label in curves}, LABEL_HEIGHT)
