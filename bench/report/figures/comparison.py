"""All setups of a section in one figure, under one policy that they share."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bench.budget.query_scores import CURVE_METRICS
from bench.findings.chosen import shared_policy
from bench.findings.costs import CostScale
from bench.findings.curves import exit_curve, policy_curve
from bench.findings.sections import Section
from bench.findings.setups import Setup, trained
from bench.report.figures.drawing import Drawing, canvas, legend_below
from bench.report.figures.labels import name_beside
from bench.report.figures.marks import (
    INTERVALS,
    draw_exits,
    draw_line,
    handles_of,
    over_seeds,
    tell_values,
)
from bench.report.figures.published import published_curve
from bench.report.figures.published_points import published_points
from bench.report.figures.style import PAGE_INCHES, cost_axis, method_styles

HEADROOM = 0.06
"""Room over the best point for its name, as a share of the panel's height."""
NAME_COLOUR, NAME_SIZE = "#4a4a4a", 7.0
MOST_POINTS = 6
"""More setups that are single points than these have their names beside them: a legend would be a search."""
MOST_LETTERS = 30
"""Longer names are in the legend all the same: beside points they would cross half the panel."""


def comparison_figure(section: Section) -> Drawing | None:
    """One line a setup under one shared policy, with what papers print for the dataset in grey.

    None where the section holds a single setup and nothing was published on its dataset.
    """
    points = published_points(section)
    if len(section.setups) < 2 and not points:
        return None
    policy, thresholding = shared_policy(section)
    styles = method_styles({setup.label: setup.method for setup in section.setups})
    published = published_curve(section, [policy])
    shown = [part for part in (published, points) if part]
    all_costs = np.concatenate(
        [*(exit_curve(setup, "mAP").costs for setup in section.setups), *(part.costs for part in shown)]
    )
    scale = section.cost.scale(all_costs.max())
    single = [setup.label for setup in section.setups if len(setup.exit_names) == 1]
    beside = {label for label in single if len(label) <= MOST_LETTERS} if len(single) > MOST_POINTS else set()
    references = [label for part in shown for label in part.labels]
    labels = [setup.label for setup in section.setups if setup.label not in beside] + references
    # Names need the page's whole width.
    grid = (2, 1) if points or beside else (1, 2)
    with canvas(
        PAGE_INCHES,
        6.3 if points or beside else 3.2,
        f"Methods on {section.title}" + (f", policy {policy}, thresholding {thresholding}" if policy else ""),
        labels=labels,
    ) as figure:
        for axes, metric in zip(figure.subplots(*grid), CURVE_METRICS, strict=True):
            for setup in section.setups:
                style = styles[setup.label]
                if policy in setup.policies(thresholding):
                    curve = policy_curve(setup, policy, thresholding, metric)
                    draw_line(axes, curve, style, scale, markers=False)
                    tell_values(axes, curve, scale, f"{setup.label}, {policy}", metric)
                draw_exits(axes, exit_curve(setup, metric), style, scale, names=())
                tell_values(axes, exit_curve(setup, metric), scale, f"{setup.label}, everybody at one exit", metric)
            for part in shown:
                part.draw(axes, metric, scale)
            axes.set_ylabel(f"{metric} (%)")
            # Methods may differ a hundredfold in cost. One method's figures stay linear.
            low, high = all_costs.min() / scale.factor, all_costs.max() / scale.factor
            cost_axis(axes, low, high, scale, may_be_logarithmic=True)
            if points or beside:
                bottom, top = axes.get_ylim()
                axes.set_ylim(bottom, top + HEADROOM * (top - bottom))
        published_handles = [handle for part in shown for handle in part.handles()]

        def legend(in_it: Iterable[str]) -> None:
            legend_below(figure, [*handles_of({label: styles[label] for label in sorted(in_it)}), *published_handles])

        legend(set(styles) - beside)
        unnamed: set[str] = set()
        # With the legend, the panels have the size in which their names must find room.
        for axes, metric in zip(figure.axes, CURVE_METRICS, strict=True):
            named = points.named(metric, scale) if points else {}
            named |= {
                setup.label: _only_point(setup, metric, scale) for setup in section.setups if setup.label in beside
            }
            if named:
                unnamed |= set(name_beside(axes, list(named.values()), list(named), NAME_COLOUR, NAME_SIZE))
        # Who has found no room for a name in a panel is told by the legend; a published network by its mark alone.
        if unnamed & beside:
            figure.legends[0].remove()
            legend(set(styles) - (beside - unnamed))
    swept = f"under policy {policy} in thresholding {thresholding}" if policy else "without a budget sweep"
    seeds = trained(section.setups)
    intervals = f"{INTERVALS}{over_seeds(section.setups)}"
    return Drawing(
        title=f"Methods compared on {section.title}",
        caption=(
            f"Methods {swept}. {'Lines: policy; points' if policy else 'Points'}: everybody at one exit. {intervals}. "
            f"Trained: {seeds}." + "".join(f" {part.caption}" for part in shown) + (_held_out(section) if shown else "")
        ),
        description=f"Two line charts, mAP and rank-1 against {section.cost.phrase}, comparing {seeds}; {swept}."
        + "".join(f" Beside them {label}." for label in references),
        figure=figure,
    )


def _only_point(setup: Setup, metric: str, scale: CostScale) -> tuple[float, float]:
    """Where a setup of one exit stands, in the scale and in percent."""
    curve = exit_curve(setup, metric)
    return float(curve.costs[0] / scale.factor), 100 * float(curve.values[0])


def _held_out(section: Section) -> str:
    """Say of measured runs beside published ones what they were not trained on."""
    withheld = [f"{setup.label}: {setup.held_out:.0%}" for setup in section.setups if setup.held_out]
    if not withheld:
        return ""
    return f" Training identities held out of the measured runs, where the papers train on all: {', '.join(withheld)}."
