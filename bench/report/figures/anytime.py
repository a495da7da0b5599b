"""Accuracy where inference may be cut off at any moment: DaRe's anytime setting (section 4.1, Figure 5)."""

from __future__ import annotations

import numpy as np

from bench.budget.query_scores import CURVE_METRICS
from bench.findings.curves import exit_curve
from bench.findings.sections import Section
from bench.findings.setups import trained
from bench.report.figures.drawing import Drawing, canvas, legend_below
from bench.report.figures.marks import (
    INTERVALS,
    MOST_SEEDS,
    draw_exits,
    handles_of,
    over_seeds,
    tell_values,
)
from bench.report.figures.style import PAGE_INCHES, cost_axis, method_styles
from bench.retrieval.table import FloatArray


def anytime_figure(section: Section) -> Drawing | None:
    """Steps from exit to exit, one line a setup: the last exit that was reached answers. None without early exits."""
    if all(len(setup.exit_names) < 2 for setup in section.setups):
        return None
    styles = method_styles({setup.label: setup.method for setup in section.setups})
    costs = np.concatenate([exit_curve(setup, "mAP").costs for setup in section.setups])
    scale = section.cost.scale(costs.max())
    with canvas(PAGE_INCHES, 3.2, f"Cut off at any moment: methods on {section.title}", labels=styles) as figure:
        for axes, metric in zip(figure.subplots(1, 2), CURVE_METRICS, strict=True):
            low, high = costs.min() / scale.factor, costs.max() / scale.factor
            cost_axis(axes, low, high, scale, what="before the cut", may_be_logarithmic=True)
            end = axes.get_xlim()[1]
            for setup in section.setups:
                style, curve = styles[setup.label], exit_curve(setup, metric)
                for costs_of, values in ((curve.costs, curve.values), *curve.single_seeds[:MOST_SEEDS]):
                    thick = values is curve.values
                    looks = {"zorder": 3} if thick else {"linewidth": 0.5, "alpha": 0.6, "zorder": 2}
                    steps = _steps(costs_of / scale.factor, 100 * values, end)
                    axes.plot(*steps, **style.line(), drawstyle="steps-post", **looks)
                draw_exits(axes, curve, style, scale, names=())
                tell_values(axes, curve, scale, setup.label, metric)
            axes.set_ylabel(f"{metric} (%)")
        legend_below(figure, handles_of(dict(sorted(styles.items()))))
    seeds = trained(section.setups)
    return Drawing(
        title=f"Anytime inference on {section.title}",
        caption=(
            "Anytime inference: the budget runs out unforeseen, and the last exit that was reached answers, by its own "
            f"codes of the gallery; no policy decides. Points: exits. {INTERVALS}{over_seeds(section.setups)}. "
            f"Trained: {seeds}."
        ),
        description=f"Two step charts, mAP and rank-1 against {section.cost.phrase} before the cut, comparing {seeds}.",
        figure=figure,
    )


def _steps(costs: FloatArray, values: FloatArray, end: float) -> tuple[FloatArray, FloatArray]:
    """Lead the last value on to the edge of the panel: more budget changes nothing any more."""
    return np.append(costs, end), np.append(values, values[-1])
