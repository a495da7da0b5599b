"""An architecture search as figures: what every block can be and is, and how the search went."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from bench.findings.origin import origin_line
from bench.inert import clean
from bench.report.figures.drawing import Drawing, canvas, legend_below
from bench.report.figures.marks import handles_of
from bench.report.figures.style import COLOURS, DASHED, PAGE_INCHES, REFERENCE_COLOUR, LineStyle, line_styles

Search = Mapping[str, Any]
CHOSEN, OTHER = COLOURS[0], "#bdbdbd"
LOSSES = {
    "training loss": LineStyle("black", "o", "-"),
    "validation loss": LineStyle(REFERENCE_COLOUR, "s", (0, (5, 1.5))),
}


def architecture_figure(search: Search) -> Drawing:
    """Draw the probability of every candidate of every block, first to last; the chosen ones in colour."""
    candidates = [str(name) for name in search["candidates"]]
    blocks = search["probabilities"]
    chosen = str(search["genotype"]).split(",")
    height = 1.3 + 0.17 * len(candidates)
    with canvas(PAGE_INCHES, height, f"Architecture: {_name(search)}") as figure:
        panels = figure.subplots(1, len(blocks), sharex=True, sharey=True, squeeze=False)[0]
        for number, (axes, probabilities) in enumerate(zip(panels, blocks, strict=True), start=1):
            colours = [CHOSEN if name == chosen[number - 1] else OTHER for name in candidates]
            axes.barh(range(len(candidates)), [100 * value for value in probabilities], color=colours, height=0.75)
            axes.set_title(f"block {number}\n{chosen[number - 1]}")
            axes.grid(visible=False, axis="y")
            axes.xaxis.set_major_locator(MaxNLocator(3))
        panels[0].set_yticks(range(len(candidates)), candidates)
        panels[0].invert_yaxis()
        panels[0].set_ylabel("kernels and repetitions")
        figure.supxlabel("Probability after the search (%)")
    return Drawing(
        title=f"Architecture, {_name(search)}",
        caption=(
            f"Probability of every candidate of every block of {_name(search)}, after the search; the greatest is "
            "chosen. A candidate is named by its two kernels, and how often it is repeated."
        ),
        description=f"Bars for each block. Chosen: {clean(search['genotype'])}.",
        figure=figure,
        origin=_origin(search),
    )


def progress_figure(search: Search) -> Drawing:
    """Draw both losses over the epochs, and the probability of what is chosen in the end."""
    history, chosen = search["history"], str(search["genotype"]).split(",")
    epochs = [row["epoch"] for row in history]
    blocks = {f"block {number}: {name}": f"{number}: {name}" for number, name in enumerate(chosen, start=1)}
    styles = line_styles(blocks)
    with canvas(PAGE_INCHES, 3.4, f"Architecture search: {_name(search)}") as figure:
        losses, choice = figure.subplots(1, 2)
        for name, style in LOSSES.items():
            losses.plot(epochs, [row[name] for row in history], **style.line(), **style.points())
        losses.set_ylabel("Loss")
        for label, name in blocks.items():
            style = styles[label]
            choice.plot(epochs, [100 * row[name] for row in history], **style.line(), **style.points())
        even = 100 / len(search["candidates"])
        equal = choice.axhline(
            even, color=REFERENCE_COLOUR, linewidth=0.9, linestyle=DASHED, label="all candidates alike"
        )
        choice.set_ylabel("Probability of the chosen (%)")
        for axes in (losses, choice):
            _epochs(axes, len(epochs))
            # As many ticks as there is room for may change while the figure is laid out, and their labels' width.
            axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        legend_below(figure, [*handles_of(LOSSES), *handles_of(styles), equal])
    return Drawing(
        title=f"Architecture search, {_name(search)}",
        caption=(
            "Left: mean loss of an epoch, of the images that the parameters follow and of those that the choice "
            "follows. Right: probability of each block's chosen candidate."
        ),
        description="Two panels over the epochs: losses, and the probability of what each block becomes.",
        figure=figure,
        origin=_origin(search),
    )


def _epochs(axes: Axes, count: int) -> None:
    axes.set_xlabel("Epoch")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_xlim(1 - 0.04 * count, count + 0.04 * count)


def _name(search: Search) -> str:
    data = f"{search['dataset']}{' (rendered)' if search['rendered'] else ''}"
    return clean(f"{search['method']} {search['preset']} on {data}, seed {search['seed']}")


def _origin(search: Search) -> str:
    return origin_line([str(search["key"])], [search["provenance"]])
