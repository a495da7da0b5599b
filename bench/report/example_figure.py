"""Sample queries of each class that a policy sorts them into, with what the first exit found: HashReID's Figure 7."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from bench.report.figures import Drawing, canvas
from bench.report.outcome_figure import RIGHT_COLOUR, WRONG_COLOUR
from bench.report.style import PAGE_INCHES

if TYPE_CHECKING:
    from bench.examples import Examples, Picture

FRAME_POINTS = 2.2


def example_figure(examples: Examples, about: str) -> Drawing:
    """Draw a row for each query: the query in black, its matches framed by whether they show the same person.

    ``about`` says what was run on what. A wrong match is crossed as well, for those who do not tell the colours apart.
    """
    shown = [(group, example) for group in examples.classes for example in group.examples]
    columns = 1 + max((len(example.matches) for _, example in shown), default=0)
    high, wide = shown[0][1].query.shape[1:] if shown else (2, 1)
    cell = 0.62
    with canvas(min(PAGE_INCHES, 1.5 + cell * columns), 0.8 + (cell * high / wide + 0.1) * len(shown)) as figure:
        grid = figure.subplots(max(len(shown), 1), columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        named: set[str] = set()
        for row, (group, example) in zip(grid, shown, strict=False):
            _picture(row[0], example.query, "black", "-")
            if group.name not in named:
                named.add(group.name)
                share = f"{group.right} of {group.queries} right"
                place: dict[str, Any] = {"transform": row[0].transAxes, "ha": "right", "va": "top"}
                row[0].text(-0.15, 0.98, f"{group.name}\n", weight="bold", **place)
                row[0].text(-0.15, 0.98, f"\n{share}", **place)
            for axes, match, right in zip(row[1:], example.matches, example.right, strict=False):
                _picture(axes, match, RIGHT_COLOUR if right else WRONG_COLOUR, "-" if right else (0, (3, 1)))
                if not right:
                    for ends in ([0.97, 0.87], [0.87, 0.97]):
                        axes.plot([0.06, 0.26], ends, color=WRONG_COLOUR, transform=axes.transAxes)
        handles = [
            Patch(facecolor="white", edgecolor="black", label="query"),
            Patch(facecolor="white", edgecolor=RIGHT_COLOUR, label="same person"),
            Patch(facecolor="white", edgecolor=WRONG_COLOUR, linestyle="--", label="another person"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, handlelength=1.2)
        figure.suptitle(f"{examples.policy}: queries by class, and the first exit's nearest images\n{about}")
    counts = ", ".join(f"{group.name} {group.queries}" for group in examples.classes)
    return Drawing(
        name=f"{examples.policy}-classes",
        title=f"Queries by class of {examples.policy}",
        caption=f"Queries drawn from each class ({counts}), with their nearest gallery images at the first exit.",
        description="Rows of images: a query, then its five nearest gallery images, framed by whether they are right.",
        figure=figure,
    )


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
