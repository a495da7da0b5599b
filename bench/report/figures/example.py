"""Sample queries with what was found for them: by class of a policy, and exit by exit (HashReID's Figures 7 and 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from bench.report.figures.drawing import Drawing, canvas, legend_below
from bench.report.figures.outcomes import RIGHT_COLOUR, WRONG_COLOUR
from bench.report.figures.style import PAGE_INCHES

if TYPE_CHECKING:
    from bench.running.examples import Example, Examples, Picture, TopMatches

FRAME_POINTS = 2.2
CELL_INCHES = 0.62
LABEL_INCHES = 1.2
GAP_INCHES = 0.07


def example_figure(examples: Examples, about: str) -> Drawing:
    """Draw a row for each query: the query in black, its matches framed by whether they show the same person.

    ``about`` says what was run on what. A wrong match is crossed as well, for those who do not tell the colours apart.
    """
    shown = [(group, example) for group in examples.classes for example in group.examples]
    columns = 1 + max((len(example.matches) for _, example in shown), default=0)
    high, wide = shown[0][1].query.shape[1:] if shown else (2, 1)
    height = 0.8 + (CELL_INCHES * high / wide + GAP_INCHES) * max(len(shown), 1)
    with canvas(min(PAGE_INCHES, 1.5 + CELL_INCHES * columns), height) as figure:
        grid = figure.subplots(max(len(shown), 1), columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        named: set[str] = set()
        for row, (group, example) in zip(grid, shown, strict=False):
            _picture(row[0], example.query, "black", "-")
            if group.name not in named:
                named.add(group.name)
                share = f"{group.right} of {group.queries} right"
                label: dict[str, Any] = {"transform": row[0].transAxes, "ha": "right", "va": "top"}
                row[0].text(-0.15, 0.98, f"{group.name}\n", **label)
                row[0].text(-0.15, 0.98, f"\n{share}", **label)
            _matches(row[1:], example)
        _explain_frames(figure)
        figure.suptitle(f"{examples.policy}: queries by class, and the first exit's nearest images\n{about}")
    counts = ", ".join(f"{group.name} {group.queries}" for group in examples.classes)
    return Drawing(
        title=f"Queries by class of {examples.policy}",
        caption=f"Queries drawn from each class ({counts}), with their nearest gallery images at the first exit.",
        description="Rows of images: a query, then its five nearest gallery images, framed by whether they are right.",
        figure=figure,
    )


def match_figure(found: TopMatches, about: str) -> Drawing:
    """Draw a row for each group of queries: two of them, each with its first match at every exit.

    ``about`` says what was run on what. A wrong match is crossed as well, for those who do not tell the colours apart.
    """
    groups = [group for group in found.classes if group.examples]
    wide = 1 + len(found.exits)
    high, broad = groups[0].examples[0].query.shape[1:] if groups else (2, 1)
    # A narrow empty column keeps the two queries of a row apart.
    ratios = [*[1.0] * wide, 0.3, *[1.0] * wide]
    cell = min(CELL_INCHES, (PAGE_INCHES - LABEL_INCHES) / sum(ratios))
    height = 0.9 + (cell * high / broad + GAP_INCHES) * max(len(groups), 1)
    with canvas(LABEL_INCHES + cell * sum(ratios), height) as figure:
        grid = figure.subplots(max(len(groups), 1), len(ratios), squeeze=False, width_ratios=ratios)
        for axes in grid.flat:
            axes.set_axis_off()
        for row, group in zip(grid, groups, strict=False):
            share = f"{group.queries:,} queries"
            label: dict[str, Any] = {"transform": row[0].transAxes, "ha": "right", "va": "top"}
            lines = group.name.count("\n") + 1
            row[0].text(-0.15, 0.98, group.name, **label)
            row[0].text(-0.15, 0.98, "\n" * lines + share, **label)
            for start, example in zip((0, wide + 1), group.examples, strict=False):
                _picture(row[start], example.query, "black", "-")
                _matches(row[start + 1 : start + wide], example)
        for start in (0, wide + 1):
            for axes, name in zip(grid[0, start : start + wide], ("query", *found.exits), strict=True):
                axes.set_title(name, fontsize=7)
        _explain_frames(figure)
        figure.suptitle(f"First match at every exit\n{about}")
    counts = ", ".join(f"{' '.join(group.name.split())} {group.queries:,}" for group in found.classes)
    return Drawing(
        title="First match at every exit",
        caption=f"Queries drawn from each group ({counts}), with their first match at every exit.",
        description="Rows of images: a query, then its first match at each exit, framed by whether it is right.",
        figure=figure,
    )


def _matches(row: Sequence[Axes], example: Example) -> None:
    for axes, match, right in zip(row, example.matches, example.right, strict=False):
        _picture(axes, match, RIGHT_COLOUR if right else WRONG_COLOUR, "-" if right else (0, (3, 1)))
        if not right:
            for ends in ([0.97, 0.87], [0.87, 0.97]):
                axes.plot([0.06, 0.26], ends, color=WRONG_COLOUR, transform=axes.transAxes)


def _explain_frames(figure: Figure) -> None:
    handles = [
        Patch(facecolor="white", edgecolor="black", label="query"),
        Patch(facecolor="white", edgecolor=RIGHT_COLOUR, label="same person"),
        Patch(facecolor="white", edgecolor=WRONG_COLOUR, linestyle="--", label="another person"),
    ]
    legend_below(figure, handles, handlelength=1.2)


def _picture(axes: Axes, picture: Picture, colour: str, dash: object) -> None:
    axes.set_axis_on()
    axes.imshow(picture.transpose(1, 2, 0))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_edgecolor(colour)
        spine.set_linestyle(dash)  # type: ignore[arg-type]
        spine.set_linewidth(FRAME_POINTS)
