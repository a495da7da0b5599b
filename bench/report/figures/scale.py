"""Accuracy of exact search as the gallery grows, and what indexes save and miss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullLocator

from bench.findings.origin import origin_line
from bench.findings.sections import Section
from bench.findings.studies import Scale, scale_name
from bench.report.figures.drawing import Drawing, canvas, legend_below
from bench.report.figures.style import PAGE_INCHES, LineStyle, line_styles, logarithmic
from bench.report.figures.values import draw_named

EXACT = "exact"


def scale_figures(section: Section) -> Iterator[Drawing]:
    """Draw a figure for each search of the section's gallery filled up."""
    for name, scale in section.scales:
        yield scale_figure(scale, name)


def scale_figure(scale: Scale, part: str = "") -> Drawing:
    """Draw mAP and time over the size of the gallery for each exit; with indexes, what they find and cost as well."""
    measured = [row for row in scale["exact"] if not row["derived"]]
    # An index may be of an exit that was not asked for: that of the longest of several code lengths.
    exits = line_styles(dict.fromkeys(row["exit"] for row in (*measured, *scale["indexes"])))
    indexes = bool(scale["indexes"])
    with canvas(PAGE_INCHES, 6.0 if indexes else 3.4, f"Search in large galleries: {scale_name(scale)}") as figure:
        panels = figure.subplots(2 if indexes else 1, 2, squeeze=False).ravel()
        for axes, name, label in zip(
            panels, ("mean_ap", "batched_ms"), ("mAP (%)", "Exact (ms a query)"), strict=False
        ):
            for exit_, style in exits.items():
                own = [row for row in measured if row["exit"] == exit_]
                sizes = [row["images"] for row in own]
                values = [100 * row[name] if name == "mean_ap" else row[name] for row in own]
                texts = [f"{exit_}, {size:,} images: {value:.3g}" for size, value in zip(sizes, values, strict=True)]
                draw_named(axes, sizes, values, texts, **style.line(), **style.points())
            axes.set_xscale("log")
            axes.set_xlabel("Images in the gallery, logarithmic")
            axes.set_xticks(sorted({row["images"] for row in measured}))
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(FuncFormatter(_size))
            axes.set_ylabel(label)
        panels[0].set_ylim(bottom=0)
        logarithmic(panels[1], "y")
        handles = [
            Line2D([], [], label=f"{exit_} ({_bits(scale, exit_)} bits)", **style.line(), **style.points())
            for exit_, style in exits.items()
        ]
        if indexes:
            handles += _draw_indexes(list(panels[2:]), scale, exits)
        legend_below(figure, handles)
    return Drawing(
        title=f"Search in large galleries, {scale_name(scale)}",
        caption=(
            "Exact search in the gallery of the test set, filled up with drawn distractors: mAP, and milliseconds a "
            f"query on {scale['provenance']['processor']}."
            + (
                f" Below: indexes in the largest gallery, over milliseconds a query: recall of the {scale['listed']} "
                "nearest images, and what rank-1 (filled) and mAP (hollow) over these lists lose or gain against exact "
                "search."
                if indexes
                else ""
            )
        ),
        description="Panels over the number of gallery images, logarithmic: mAP in percent, milliseconds a query."
        + (
            " Below, over milliseconds a query, logarithmic: recall in percent, and points of rank-1 and mAP against "
            f"exact search, for the indexes {', '.join(dict.fromkeys(row['index'] for row in scale['indexes']))}."
            if indexes
            else ""
        ),
        figure=figure,
        part=part,
        origin=origin_line([], [scale["provenance"]]),
    )


def _draw_indexes(panels: Sequence[Axes], scale: Scale, exits: dict[str, LineStyle]) -> Sequence[Line2D]:
    """Draw recall, and differences of rank-1 and mAP from exact search, over time in the largest gallery."""
    recall, scores = panels
    largest = max(row["images"] for row in scale["indexes"])
    rows = [row for row in scale["indexes"] if row["images"] == largest]
    markers = dict(zip(dict.fromkeys(row["index"] for row in rows), "oD^s", strict=False))
    for row in rows:
        colour, marker, about = exits[row["exit"]].colour, markers[row["index"]], f"{row['exit']}, {row['index']}"
        rank_1, mean_ap = (100 * (row[name] - row[f"exact_{name}"]) for name in ("rank_1", "mean_ap"))
        for axes, value, what, filled in (
            (recall, 100 * row["recall"], "recall {:.1f} %", True),
            (scores, rank_1, "rank-1 {:+.1f} points", True),
            (scores, mean_ap, "mAP {:+.1f} points", False),
        ):
            face = colour if filled else "white"
            text = f"{about}: {what.format(value)}, {row['batched_ms']:.3g} ms"
            looks = {"marker": marker, "color": colour, "markersize": 6, "markerfacecolor": face}
            draw_named(axes, [row["batched_ms"]], [value], [text], linestyle="none", **looks)
    for axes, label in ((recall, "Recall (%)"), (scores, "Against exact search (points)")):
        axes.set_xlabel("ms a query")
        logarithmic(axes)
        axes.set_ylabel(label)
        axes.set_title(f"{largest:,} images")
    scores.axhline(0, color="#999999", linewidth=0.8, zorder=0)
    return [
        Line2D([], [], linestyle="none", marker=marker, color="#555555", label=f"index {name}")
        for name, marker in markers.items()
    ] + [
        Line2D([], [], linestyle="none", marker="o", color="#555555", markerfacecolor=face, label=name)
        for name, face in (("rank-1", "#555555"), ("mAP", "white"))
    ]


def _size(value: float, _: int) -> str:
    """Write 10 000 as 10 k, and 1 000 000 as 1 M."""
    for divisor, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= divisor:
            return f"{value / divisor:.3g}{unit}"
    return f"{value:g}"


def _bits(scale: Scale, exit_: str) -> int:
    rows = (*scale["exact"], *scale["indexes"])
    return int(next(row["bits"] for row in rows if row["exit"] == exit_ and "bits" in row))
