"""All setups of a section in one figure, under one policy that they share."""

from __future__ import annotations

import numpy as np

from bench.findings.chosen import shared_policy
from bench.findings.curves import exit_curve, policy_curve
from bench.findings.sections import Section
from bench.report.figures.drawing import Drawing, canvas, legend_below, legend_inches, set_title
from bench.report.figures.marks import (
    FIGURE_METRICS,
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

PANEL_INCHES = (6.2, 2.55)
"""About the size of a panel that published networks stand in, less what its axes' labels take."""
HEADROOM = 0.06
"""Room over the best published network for its name, as a share of the panel's height."""


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
    labels = [setup.label for setup in section.setups] + ([published.label] if published else [])
    labels += points.labels() if points else []
    # Names of published networks need the page's whole width.
    grid = (2, 1) if points else (1, 2)
    with canvas(PAGE_INCHES, (6.3 if points else 3.2) + legend_inches(labels)) as figure:
        for axes, metric in zip(figure.subplots(*grid), FIGURE_METRICS, strict=True):
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
            if points:
                bottom, top = axes.get_ylim()
                axes.set_ylim(bottom, top + HEADROOM * (top - bottom))
                points.name(axes, metric, scale, PANEL_INCHES)
        handles = handles_of(dict(sorted(styles.items())))
        handles += [published.handle()] if published else []
        handles += points.handles() if points else []
        legend_below(figure, handles)
        set_title(
            figure,
            f"Methods on {section.title}" + (f", policy {policy}, thresholding {thresholding}" if policy else ""),
        )
    swept = f"under policy {policy} in thresholding {thresholding}" if policy else "without a budget sweep"
    seeds = "; ".join(f"{setup.label}: {setup.seeds}" for setup in section.setups)
    intervals = f"{INTERVALS}{over_seeds(section.setups)}"
    return Drawing(
        title=f"Methods compared on {section.title}",
        caption=(
            f"Methods {swept}. Lines: policy; points: everybody at one exit. {intervals}. Trained: {seeds}."
            + (f" {published.caption}" if published else "")
            + (f" {points.caption()}" if points else "")
            + (_held_out(section) if shown else "")
        ),
        description=f"Two line charts, mAP and rank-1 against {section.cost.phrase}, comparing {seeds}; {swept}."
        + "".join(f" Beside them {label}." for label in labels[len(section.setups) :]),
        figure=figure,
    )


def _held_out(section: Section) -> str:
    """Say of measured runs beside published ones what they were not trained on."""
    withheld = [f"{setup.label}: {setup.held_out:.0%}" for setup in section.setups if setup.held_out]
    if not withheld:
        return ""
    return f" Training identities held out of the measured runs, where the papers train on all: {', '.join(withheld)}."
