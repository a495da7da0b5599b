"""Trends with scale: the same methods at several presets, from the cheapest networks to the dearest."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from bench.findings.costs import MULTIPLY_ADDS
from bench.findings.origin import origin_of_runs
from bench.findings.rounding import percent
from bench.findings.sections import Section
from bench.findings.sizes import CHANCE, METRIC, POLICY, Size, Sizes, all_sizes, part_of, reading, rows_of
from bench.report.figures.drawing import Drawing, canvas, legend_below
from bench.report.figures.marks import handles_of
from bench.report.figures.style import OUTLINE, PAGE_INCHES, REFERENCE_COLOUR, LineStyle, method_styles
from bench.report.figures.values import draw_named

PANELS = {
    "gain": f"{POLICY} over {CHANCE}\n(points of {METRIC})",
    "gap_closed": f"Gap closed\nby {POLICY} (%)",
    "first_of_last": f"First exit's {METRIC}\n(% of the last's)",
}
SIDEWAYS = 0.045
"""How far apart methods stand at the same preset, so that their bars do not hide one another; in presets."""
TICK_LETTERS = 46
"""Letters that have room under a panel."""
ROW_INCHES = 0.36
"""Height that a method takes in the panel of the order."""


def sizes_figures(sections: Sequence[Section]) -> Iterator[Drawing]:
    """Draw a figure for each group of presets that are set side by side."""
    groups = all_sizes(sections)
    for group in groups:
        rows = pd.DataFrame(rows_of(group))
        panels = [name for name in PANELS if rows[name].notna().any()]
        if len(group.common) > 1:
            panels.insert(0, "order")
        if panels:
            yield _figure(group, rows, panels, part_of(group, groups))


def _figure(group: Sizes, rows: pd.DataFrame, panels: Sequence[str], part: str) -> Drawing:
    setups = {method: size.setups[method].method for size in group.sizes for method in size.setups}
    styles = method_styles(setups)
    beside = [name for name in panels if name != "order"]
    layout = [[name] for name in beside] or [["order"]]
    if "order" in panels and beside:
        layout = [["order", name] for name in beside]
    # A method of one exit has nothing to show beside the order.
    with_values = rows[rows[beside].notna().any(axis="columns")]["method"]
    named = {*with_values, *(group.common if "order" in panels else ())}
    drawn = {method: style for method, style in styles.items() if method in named}
    height = max(1.35 * len(layout), ROW_INCHES * len(group.common) * ("order" in panels), 2.4)
    with canvas(
        PAGE_INCHES,
        height + 0.8,
        f"Trends with scale: presets side by side, {group.title}",
        labels=drawn,
    ) as figure:
        axes_of: dict[str, Axes] = figure.subplot_mosaic(cast(Any, layout))
        for name, axes in axes_of.items():
            if name == "order":
                _order(axes, rows, group, styles)
            else:
                _values(axes, rows, group, styles, name)
            axes.set_xticks(range(len(group.sizes)))
            axes.set_xlim(-0.4, len(group.sizes) - 0.6)
            if name in ("order", beside[-1] if beside else ""):
                axes.set_xticklabels([_tick(size, len(group.sizes)) for size in group.sizes])
            else:
                axes.tick_params(labelbottom=False)
            axes.grid(False, axis="x")
        legend_below(figure, handles_of(dict(sorted(drawn.items()))))
    cost, runs = (
        group.sizes[0].section.cost,
        [run for size in group.sizes for of in size.setups.values() for run in of.runs],
    )
    return Drawing(
        title=f"Presets side by side, {group.title}",
        caption=(
            f"Presets from the cheapest on; under each, what its last exits cost ({cost.phrase}). {reading(group)} "
            + ("Beside the marks of the order: mAP in percent. " if "order" in panels else "")
            + f"Bars: 95 % intervals, over test identities for single seeds and over seeds too for several. "
            f"Trained: {'; '.join(map(_trained, group.sizes))}."
        ),
        description=f"Line charts over the presets {', '.join(size.name for size in group.sizes)}, a line each for "
        f"{', '.join(group.methods)}.",
        figure=figure,
        part=part,
        origin=origin_of_runs(runs),
    )


def _trained(size: Size) -> str:
    """Say which seeds the methods have at a preset, those of the same seeds together."""
    methods: dict[str, list[str]] = {}
    for name, setup in sorted(size.setups.items()):
        methods.setdefault(setup.seeds, []).append(name)
    if len(methods) == 1:
        return f"{size.name} {next(iter(methods))}"
    return ", ".join(f"{size.name} {seeds} of {' '.join(names)}" for seeds, names in methods.items())


def _order(axes: Axes, rows: pd.DataFrame, group: Sizes, styles: Mapping[str, LineStyle]) -> None:
    """Draw who comes first, second and so on at every preset, with the mAP that says so beside the marks."""
    for method in group.common:
        across, own = _own(rows, group, method)
        style, heights = styles[method], own[f"last_exit_{METRIC}"]
        told = [f"{method}, {size}: {METRIC} {percent(one)} %" for size, one in zip(own["size"], heights, strict=True)]
        draw_named(axes, across, own["order"], told, **style.line(), **style.points(), markersize=6, zorder=3)
        for at, order, value in zip(across, own["order"], heights, strict=True):
            axes.annotate(
                percent(value),
                (at, order),
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
                fontsize=7,
                zorder=6,
                path_effects=OUTLINE,
            )
    axes.set_ylim(len(group.common) + 0.5, 0.35)
    axes.set_yticks(range(1, len(group.common) + 1))
    axes.set_ylabel(f"Order by {METRIC} at the last exit")


def _values(axes: Axes, rows: pd.DataFrame, group: Sizes, styles: Mapping[str, LineStyle], name: str) -> None:
    shown = [method for method in group.methods if rows.loc[rows["method"] == method, name].notna().any()]
    for index, method in enumerate(shown):
        across, own = _own(rows, group, method)
        across, style = across + SIDEWAYS * (index - (len(shown) - 1) / 2), styles[method]
        values = 100 * own[name].to_numpy(dtype=float)
        told = [f"{method}, {size}: {one:.1f}" for size, one in zip(own["size"], values, strict=True)]
        draw_named(axes, across, values, told, **style.line(), **style.points(), markersize=4.5, zorder=3)
        if f"{name}_low" in own:
            low, high = (100 * own[f"{name}_{end}"].to_numpy(dtype=float) for end in ("low", "high"))
            axes.vlines(across, low, high, color=style.colour, linewidth=0.9, zorder=2)
    if name != "first_of_last":
        axes.axhline(0, color=REFERENCE_COLOUR, linewidth=0.8, zorder=1)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_ylabel(PANELS[name])


def _own(rows: pd.DataFrame, group: Sizes, method: str) -> tuple[np.ndarray, pd.DataFrame]:
    """Rows of a method in the order of the presets, and where these stand."""
    names = [size.name for size in group.sizes]
    own = rows[rows["method"] == method]
    return np.array([names.index(name) for name in own["size"]], dtype=float), own


def _tick(size: Size, of: int) -> str:
    """Name a preset and the cost of its last exits, in lines for which so many presets leave room."""
    cost, letters = size.section.cost, TICK_LETTERS // of
    in_millions = cost.unit == MULTIPLY_ADDS
    ends = [value / (1e6 if in_millions else 1) for value in size.costs()]
    low, high = (f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in ends)
    # A number and its unit stay on one line.
    last = f"{high}\N{NO-BREAK SPACE}{'M' if in_millions else cost.unit}"
    costs = last if low == high else f"{low} to {last}"
    return "\n".join(textwrap.fill(text, letters) for text in (size.name, costs))
