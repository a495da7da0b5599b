"""Who leaves where: the exit fractions against budget, a row a policy, so that equal budgets lie in one line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from bench.findings.costs import CostScale
from bench.findings.curves import policy_means
from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.inert import clean
from bench.report.figures.drawing import Drawing, canvas, heading, legend_below
from bench.report.figures.style import PAGE_INCHES, cost_axis, exit_colours
from bench.retrieval.table import FloatArray

ROW_INCHES = 0.42
FURNITURE_INCHES = 1.25
"""Height of title, numbers, label and legend together."""
FILLED = 0.86
"""Share of a row that is filled; the rest keeps rows apart."""


def exit_fraction_figure(section: Section, setup: Setup) -> Drawing | None:
    """Stack the fractions of the queries that leave at each exit, a row a policy, a column a thresholding.

    None without a sweep, and for one of a single budget, over which nothing could be drawn. A policy that was not swept
    in a thresholding leaves its row empty there, and the caption says so.
    """
    thresholdings = setup.thresholdings()
    if not thresholdings:
        return None
    names = setup.exit_names
    policies = sorted({policy for thresholding in thresholdings for policy in setup.policies(thresholding)})
    spent = {
        (policy, thresholding): _fractions(setup, policy, thresholding)
        for thresholding in thresholdings
        for policy in setup.policies(thresholding)
    }
    costs = np.concatenate([requested for requested, _ in spent.values()])
    scale = section.cost.scale(costs.max())
    low, high = costs.min() / scale.factor, costs.max() / scale.factor
    if low == high:
        return None
    with canvas(
        PAGE_INCHES, FURNITURE_INCHES + ROW_INCHES * len(policies), f"Exits taken, {heading(section, setup)}"
    ) as figure:
        panels = figure.subplots(1, len(thresholdings), sharey=True, squeeze=False)[0]
        panels[0].set_ylim(len(policies) - 1 + FILLED, 0)
        for axes, thresholding in zip(panels, thresholdings, strict=True):
            rows = [
                (row, *spent[policy, thresholding])
                for row, policy in enumerate(policies)
                if (policy, thresholding) in spent
            ]
            axes.set_title(f"thresholding {thresholding}")
            cost_axis(axes, low, high, scale)
            axes.set_xlim(low, high)
            # Within limits that are settled: matplotlib looks for them again with every area otherwise.
            _stack(axes, rows, scale)
            axes.set_xlabel(f"Requested {scale.label().lower()}".replace(" a query", "\na query"))
            axes.grid(False)
            axes.spines["left"].set_visible(False)
        panels[0].set_yticks(np.arange(len(policies)) + FILLED / 2, [clean(policy) for policy in policies])
        handles = [
            Patch(facecolor=colour, label=name) for colour, name in zip(exit_colours(len(names)), names, strict=True)
        ]
        legend_below(figure, handles, handlelength=1.2)
    averaged = "" if len(setup.runs) == 1 else " Means over the seeds at the same budget."
    absent = [
        f"{policy} in thresholding {thresholding}"
        for thresholding in thresholdings
        for policy in policies
        if (policy, thresholding) not in spent
    ]
    missing = f" Not swept: {', '.join(absent)}." if absent else ""
    return Drawing(
        title=f"Exits taken, {setup.label}",
        caption=f"Fraction of the queries that leave at each exit, {setup.seeds}; the first exit is at the bottom, and "
        f"the height of a row is all queries.{averaged}{missing}",
        description=f"Stacked areas of exit fractions against the budget, in a row each for {', '.join(policies)}; "
        f"panels for {', '.join(f'thresholding {thresholding}' for thresholding in thresholdings)}.",
        figure=figure,
    )


def _fractions(setup: Setup, policy: str, thresholding: str) -> tuple[FloatArray, FloatArray]:
    """Requested budgets (K,), and the exit fractions (K, S) there."""
    columns = [f"exit_fraction_{index + 1}" for index in range(len(setup.exit_names))]
    values = policy_means(setup, policy, thresholding, ["requested_cost", *columns])
    return values[:, 0], values[:, 1:]


def _stack(axes: Axes, rows: Sequence[tuple[int, FloatArray, FloatArray]], scale: CostScale) -> None:
    """Fill rows, given by number, budgets (K,) and exit fractions (K, S); the first is at the top."""
    parts: list[FloatArray] = []
    for row, costs, fractions in rows:
        # Downwards is up: a row begins at its number, and the first exit lies at its bottom.
        edges = row + FILLED * (1 - np.cumsum(np.column_stack([np.zeros(len(costs)), fractions]), axis=1))
        part = np.column_stack([costs / scale.factor, edges])
        # Nothing is filled between rows: all areas of an exit are one drawing, and a file of half the size.
        parts += [part, np.full_like(part[:1], np.nan)]
    across, *edges_of_exits = np.concatenate(parts).T
    for (below, above), colour in zip(pairwise(edges_of_exits), exit_colours(len(edges_of_exits) - 1), strict=True):
        axes.fill_between(across, below, above, color=colour, edgecolor="white", lw=0.5)
