"""Whether the budget was kept: realised against requested cost."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.findings.curves import policy_runs
from bench.findings.rounding import number
from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.report.figures.drawing import Drawing, canvas, heading
from bench.report.figures.marks import MOST_SEEDS, handles_of, seeds_left_out
from bench.report.figures.style import PAGE_INCHES, REFERENCE_COLOUR, LineStyle, cost_axis, policy_styles
from bench.retrieval.table import FloatArray

COSTS = ("requested_cost", "realised_cost")


def cost_figure(section: Section, setup: Setup) -> Drawing | None:
    """Draw realised against requested cost, a panel a thresholding; on the diagonal a budget is kept."""
    thresholdings = setup.thresholdings()
    if not thresholdings:
        return None
    styles = policy_styles({policy for thresholding in thresholdings for policy in setup.policies(thresholding)})
    swept = setup.rows("policy", [*COSTS, "policy", "thresholding"])
    low = float(swept[list(COSTS)].min().min())
    high = float(swept[list(COSTS)].max().max())
    scale = section.cost.scale(high)
    with canvas(
        min(PAGE_INCHES, 1.4 + 2.1 * len(thresholdings)), 2.9, f"Budget kept, {heading(section, setup)}"
    ) as figure:
        for axes, thresholding in zip(
            figure.subplots(1, len(thresholdings), sharey=True, squeeze=False)[0], thresholdings, strict=True
        ):
            ends = (low / scale.factor, high / scale.factor)
            axes.plot(ends, ends, color=REFERENCE_COLOUR)
            for index, policy in enumerate(setup.policies(thresholding)):
                for run in policy_runs(setup, policy, thresholding, COSTS)[:MOST_SEEDS]:
                    _draw_cost(axes, run[:, 0] / scale.factor, run[:, 1] / scale.factor, styles[policy], index)
            axes.set_title(f"thresholding {thresholding}")
            cost_axis(axes, ends[0], ends[1], scale)
            axes.set_xlabel("")
        figure.supxlabel(f"Requested: {scale.label().lower()}")
        figure.supylabel("Realised" + (f" ({scale.word})" if scale.word else ""))
        reference = Line2D([], [], color=REFERENCE_COLOUR, label="as requested")
        figure.legend(handles=[reference, *handles_of(styles)], loc="outside right center")
    excesses = 100 * (swept["realised_cost"] / swept["requested_cost"] - 1)
    largest_row = int(excesses.abs().to_numpy().argmax())
    worst = swept.iloc[largest_row]
    excess = number(excesses.iloc[largest_row], 1, signed=True)
    where = f"{worst['policy']}, thresholding {worst['thresholding']}"
    largest = f"The largest deviation is {excess}\N{NO-BREAK SPACE}% ({where})."
    return Drawing(
        title=f"Requested and realised budget, {setup.label}",
        caption=f"Realised against requested {section.cost.phrase} on {section.title}, {setup.seeds}. {largest}"
        f"{seeds_left_out(setup)}",
        description=f"Line chart of realised against requested cost for {', '.join(styles)}. {largest}",
        figure=figure,
    )


def _draw_cost(axes: Axes, requested: FloatArray, realised: FloatArray, style: LineStyle, offset: int) -> None:
    # The lines nearly coincide: markers that take turns show which ones are there.
    every = (min(offset, max(len(requested) - 1, 0)), max(1, len(requested) // 4))
    axes.plot(requested, realised, **style.line(), **style.points(), markevery=every, linewidth=1)
