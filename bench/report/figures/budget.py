"""Accuracy against budget: one setup with all its policies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bench.budget.query_scores import CURVE_METRICS
from bench.findings.chosen import PREFERRED_POLICY
from bench.findings.costs import CostScale
from bench.findings.curves import exit_curve, oracle_curve, policy_curve
from bench.findings.hull import hull_curve
from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.report.figures.drawing import Drawing, canvas, heading, legend_below
from bench.report.figures.marks import (
    INTERVALS,
    draw_exits,
    draw_line,
    handles_of,
    over_seeds,
    tell_values,
)
from bench.report.figures.published import PublishedCurve, published_curve
from bench.report.figures.style import DASHED, PAGE_INCHES, REFERENCE_COLOUR, LineStyle, cost_axis, policy_styles
from bench.retrieval.table import FloatArray

MANY = 4
"""More policies than that have bands and single seeds for two of them alone."""
BANDED_OF_MANY = (PREFERRED_POLICY, "random")
REFERENCE_THRESHOLDING = "exact"
REFERENCE_LINE: dict[str, Any] = {"linestyle": (0, (1, 1.5)), "linewidth": 0.9}
"""How a policy that may look at the whole test set is drawn: dotted, in the policy's colour, without a band."""
ORACLE_LINE: dict[str, Any] = {"color": REFERENCE_COLOUR, "linestyle": DASHED}
HULL_LINE: dict[str, Any] = {"color": REFERENCE_COLOUR, "linestyle": (0, (5, 1.5, 1, 1.5)), "linewidth": 0.9}
EXIT_STYLE = LineStyle("black", "o", "-")


def budget_figure(section: Section, setup: Setup) -> Drawing | None:
    """Policies as lines, exits as points, interpolation and hull below, the oracle above; under them, the gains.

    None for a setup of one exit, which has no budget to spend.
    """
    if len(setup.exit_names) < 2:
        return None
    thresholdings = setup.thresholdings()
    thresholding = thresholdings[0] if thresholdings else ""
    policies = setup.policies(thresholding)
    styles = policy_styles(policies)
    # A policy may cost something itself, and then its curve begins and ends beyond the exits'.
    curves = [exit_curve(setup, "mAP"), *(policy_curve(setup, name, thresholding, "mAP") for name in policies)]
    costs = np.concatenate([curve.costs for curve in curves])
    published = _published(section, setup, policies, costs)
    if published:
        costs = np.append(costs, published.costs)
    scale = section.cost.scale(costs.max())
    rows = 2 if policies else 1
    with canvas(
        PAGE_INCHES,
        5.2 if policies else 3.0,
        heading(section, setup) + (f", thresholding {thresholding}" if policies else ""),
    ) as figure:
        grid = figure.subplots(rows, 2, sharex="col", squeeze=False, height_ratios=[5, 3][:rows])
        for axes, metric in zip(grid[0], CURVE_METRICS, strict=True):
            if published:
                published.draw(axes, metric, scale)
            _accuracy_panel(axes, setup, metric, thresholding, styles, scale)
            cost_axis(axes, costs.min() / scale.factor, costs.max() / scale.factor, scale)
        for axes, metric in zip(grid[-1], CURVE_METRICS, strict=True):
            if policies:
                _gain_panel(axes, setup, metric, thresholding, styles, scale)
                cost_axis(axes, costs.min() / scale.factor, costs.max() / scale.factor, scale)
                grid[0][CURVE_METRICS.index(metric)].set_xlabel("")
        handles = handles_of(styles) + _reference_handles(setup, policies)
        handles += published.handles() if published else []
        legend_below(figure, handles)
    single = len(setup.runs) == 1
    caption = f"{heading(section, setup)}, {setup.seeds}: mAP and rank-1 against {section.cost.phrase} a query"
    caption += f", policies in thresholding {thresholding}. " if policies else ". "
    if policies:
        caption += "Below: gain over interpolation between neighbouring exits at the same realised cost, paired. "
    if any(_shown_hull(setup, metric) for metric in CURVE_METRICS):
        caption += "Hull: interpolation between those exits alone that are worth their cost on held-out identities. "
    caption += f"{INTERVALS}{over_seeds([setup])}"
    banded = _banded(policies)
    of_few = "bands" if single else "bands and single seeds"
    caption += f" ({of_few} of {' and '.join(banded)} alone)." if banded and len(banded) < len(policies) else "."
    caption += f" {published.caption}" if published else ""
    return Drawing(
        title=f"Accuracy against budget, {setup.label}",
        caption=caption,
        description=_described(section, setup, policies, thresholding)
        + (f" Beside them {published.label}." if published else ""),
        figure=figure,
    )


def _published(section: Section, setup: Setup, policies: Sequence[str], costs: FloatArray) -> PublishedCurve | None:
    """Published curve of the setup's method, for one policy of those shown: three in grey could not be distinguished.

    None, too, where it stands at other costs than the setup's: beside it, the setup would shrink to a stroke.
    """
    published = published_curve(section, sorted(policies, key=lambda name: (name != PREFERRED_POLICY, name)))
    return published if published and published.method == setup.method and published.meets(costs) else None


def _accuracy_panel(
    axes: Axes, setup: Setup, metric: str, thresholding: str, styles: Mapping[str, LineStyle], scale: CostScale
) -> None:
    exits = exit_curve(setup, metric)
    banded = _banded(styles)
    axes.plot(exits.costs / scale.factor, 100 * exits.values, color=REFERENCE_COLOUR, linewidth=0.9, zorder=2)
    hull = _shown_hull(setup, metric)
    if hull:
        axes.plot(hull[0] / scale.factor, 100 * hull[1], **HULL_LINE, zorder=2)
    oracle = oracle_curve(setup, metric)
    if oracle:
        axes.plot(oracle.costs / scale.factor, 100 * oracle.values, **ORACLE_LINE, zorder=2)
    for index, (policy, style) in enumerate(styles.items()):
        curve = policy_curve(setup, policy, thresholding, metric)
        drawn = curve if policy in banded else curve.bare()
        draw_line(axes, drawn, style, scale, markers=True, first_marker=index, of=len(styles))
        if _has_reference(setup, styles) and policy in setup.policies(REFERENCE_THRESHOLDING):
            exact = policy_curve(setup, policy, REFERENCE_THRESHOLDING, metric)
            axes.plot(exact.costs / scale.factor, 100 * exact.values, color=style.colour, **REFERENCE_LINE, zorder=2)
        tell_values(axes, curve, scale, policy, metric)
    draw_exits(axes, exits, EXIT_STYLE, scale, names=setup.exit_names)
    tell_values(axes, exits, scale, "everybody at one exit", metric)
    axes.set_ylabel(f"{metric} (%)")
    axes.margins(y=0.1)


def _shown_hull(setup: Setup, metric: str) -> tuple[FloatArray, FloatArray] | None:
    """Give the hull where it passes exits by; elsewhere it is the interpolation."""
    hull = hull_curve(setup, metric)
    if hull is None or np.allclose(hull[1], exit_curve(setup, metric).values, rtol=0, atol=1e-9):
        return None
    return hull


def _gain_panel(
    axes: Axes, setup: Setup, metric: str, thresholding: str, styles: Mapping[str, LineStyle], scale: CostScale
) -> None:
    banded = _banded(styles)
    axes.axhline(0, color=REFERENCE_COLOUR, linewidth=0.9, zorder=2)
    for index, (policy, style) in enumerate(styles.items()):
        curve = policy_curve(setup, policy, thresholding, f"{metric}_gain")
        drawn = curve if policy in banded else curve.bare()
        draw_line(axes, drawn, style, scale, markers=True, first_marker=index, of=len(styles))
        tell_values(axes, curve, scale, policy, f"{metric} gain", "points")
    axes.set_ylabel("Gain over\ninterpolation (points)")


def _banded(policies: Collection[str]) -> Collection[str]:
    """Policies whose interval and seeds are drawn: of many, two alone; more bands hide one another."""
    return policies if len(policies) <= MANY else [name for name in policies if name in BANDED_OF_MANY]


def _has_reference(setup: Setup, policies: Collection[str]) -> bool:
    """Whether policies are drawn in the reference thresholding as well, for which there is room beside a few."""
    return REFERENCE_THRESHOLDING in setup.thresholdings()[1:] and len(policies) <= MANY


def _reference_handles(setup: Setup, policies: Collection[str]) -> list[Artist]:
    handles: list[Artist] = []
    swept = bool(policies)
    if _has_reference(setup, policies):
        handles.append(Line2D([], [], color="black", **REFERENCE_LINE, label=f"same policy, {REFERENCE_THRESHOLDING}"))
    handles += [
        Line2D([], [], linestyle="none", **EXIT_STYLE.points(), label="everybody at one exit"),
        Line2D([], [], color=REFERENCE_COLOUR, linewidth=0.9, label="interpolation between exits"),
    ]
    if any(_shown_hull(setup, metric) for metric in CURVE_METRICS):
        handles.append(Line2D([], [], **HULL_LINE, label="hull: exits worth their cost"))
    if swept and any(oracle_curve(setup, metric) for metric in CURVE_METRICS):
        handles.append(Line2D([], [], **ORACLE_LINE, label="oracle: best for the budget"))
    bar = Line2D([], [], linestyle="none", marker="|", color="black", markersize=9, label="95 % interval")
    handles.append(Patch(facecolor="#bdbdbd", label="95 % interval") if swept else bar)
    return handles


def _described(section: Section, setup: Setup, policies: Sequence[str], thresholding: str) -> str:
    exits = {metric: 100 * exit_curve(setup, metric).values for metric in CURVE_METRICS}
    spans = " and ".join(f"{metric} from {of[0]:.1f} % to {of[-1]:.1f} %" for metric, of in exits.items())
    drawn = f" Policies drawn in thresholding {thresholding}: {', '.join(policies)}." if policies else ""
    against = f"Line charts of accuracy against {section.cost.phrase} a query."
    return f"{against} From the first exit to the last: {spans}.{drawn}"
