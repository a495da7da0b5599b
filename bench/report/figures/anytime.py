"""Accuracy where inference may be cut off at any moment: DaRe's anytime setting (section 4.1, Figure 5)."""

from __future__ import annotations

import numpy as np

from bench.report.curves import FloatArray, exit_curve
from bench.report.figures.drawing import Drawing, canvas, legend_columns, set_title
from bench.report.figures.marks import FIGURE_METRICS, INTERVALS, OVER_SEEDS, draw_exits, handles_of, joined
from bench.report.figures.style import PAGE_INCHES, MacUnit, cost_axis, method_styles
from bench.report.sections import Section


def anytime_figure(section: Section) -> Drawing | None:
    """Steps from exit to exit, one line a setup: the last exit that was reached answers. None without early exits."""
    if all(len(setup.exit_names) < 2 for setup in section.setups):
        return None
    styles = method_styles({setup.label: setup.method for setup in section.setups})
    costs = np.concatenate([exit_curve(setup, "mAP").macs for setup in section.setups])
    unit = MacUnit.fitting(costs.max())
    columns = legend_columns(PAGE_INCHES, list(styles))
    with canvas(PAGE_INCHES, 3.4 + 0.14 * (len(styles) // columns)) as figure:
        for axes, metric in zip(figure.subplots(1, 2), FIGURE_METRICS, strict=True):
            low, high = costs.min() / unit.macs, costs.max() / unit.macs
            cost_axis(axes, low, high, unit, what="Multiply-adds before the cut", may_be_logarithmic=True)
            end = axes.get_xlim()[1]
            for setup in section.setups:
                style, curve = styles[setup.label], exit_curve(setup, metric)
                macs, values = _steps(curve.macs / unit.macs, 100 * curve.values, end)
                axes.plot(macs, values, **style.line(), drawstyle="steps-post", zorder=3)
                if curve.single_seeds:
                    singles = [_steps(macs / unit.macs, 100 * values, end) for macs, values in curve.single_seeds]
                    macs, values = (joined(parts) for parts in zip(*singles, strict=True))
                    axes.plot(macs, values, **style.line(), drawstyle="steps-post", linewidth=0.5, alpha=0.6, zorder=2)
                draw_exits(axes, curve, style, unit, names=())
            axes.set_ylabel(f"{metric} (%)")
        handles = handles_of(dict(sorted(styles.items())))
        figure.legend_below(handles, columns)
        set_title(figure, f"Cut off at any moment: methods on {section.title}")
    several = any(len(setup.runs) > 1 for setup in section.setups)
    seeds = "; ".join(f"{setup.label}: {setup.seeds}" for setup in section.setups)
    return Drawing(
        name=f"{section.slug}-anytime",
        title=f"Anytime inference on {section.title}",
        caption=(
            "Anytime inference: the budget runs out unforeseen, and the last exit that was reached answers, by its own "
            f"codes of the gallery; no policy decides. Points: exits. {INTERVALS}{OVER_SEEDS if several else ''}. "
            f"Trained: {seeds}."
        ),
        description=f"Two step charts, mAP and rank-1 against multiply-adds before the cut, comparing {seeds}.",
        figure=figure,
    )


def _steps(macs: FloatArray, values: FloatArray, end: float) -> tuple[FloatArray, FloatArray]:
    """Lead the last value on to the edge of the panel: more budget changes nothing any more."""
    return np.append(macs, end), np.append(values, values[-1])
