"""Code length against accuracy and against time: HashReID's Table 3 as a figure."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from bench.findings.origin import origin_line
from bench.findings.sections import Section
from bench.findings.studies import Study, bar_ends, by_code, study_name
from bench.inert import clean
from bench.report.figures.drawing import Drawing, canvas, legend_below
from bench.report.figures.style import COLOURS, PAGE_INCHES, LineStyle

ACCURACY_STYLES = {"rank-1": LineStyle(COLOURS[0], "o", "-"), "mAP": LineStyle(COLOURS[1], "s", (0, (5, 1.5)))}
WAYS = {
    "loop_continuous_ns": ("floats, Python loop", LineStyle(COLOURS[3], "D", (0, (1.2, 1)), fill="none")),
    "loop_binary_ns": ("bits, Python loop", LineStyle(COLOURS[0], "o", (0, (1.2, 1)), fill="none")),
    "continuous_ns": ("floats, matrix product", LineStyle(COLOURS[3], "D", (0, (5, 1.5)))),
    "binary_ns": ("bits, population count", LineStyle(COLOURS[0], "o", "-")),
}
"""Times by their name in the study, the slowest first: what they are of, and how they look."""
ONE_SHADE = 8.0
"""Width of the shade of a single code, in points."""
UNITS = {"binary": "bits", "continuous": "floats"}
"""What the length of a code counts."""


def search_figures(section: Section) -> Iterator[Drawing]:
    """Draw a figure for each study on the section's data."""
    for name, study in section.studies:
        yield search_figure(study, name)


def search_figure(study: Study, part: str = "") -> Drawing:
    """Draw rank-1 and mAP, and nanoseconds a comparison, over code length."""
    with canvas(PAGE_INCHES, 3.3, f"Code length: {study_name(study)}") as figure:
        accuracy, times = figure.subplots(1, 2)
        _draw_accuracy(accuracy, study)
        _draw_times(times, study["times"])
        handles = [handle for axes in (accuracy, times) for handle in axes.get_legend_handles_labels()[0]]
        legend_below(figure, handles)
    seeds = ", ".join(map(str, study["seeds"]))
    return Drawing(
        title=f"Code length, {study_name(study)}",
        caption=(
            f"Left: accuracy by code length, seeds {seeds}; bars span the 95 % interval over test identities of one "
            "seed, or the seeds where there are several; the shade spans what ties can make of the mAP. Right: median "
            f"time of one comparison on {study['provenance']['processor']}, {study['gallery_size']:,} gallery images."
        ),
        description="Two panels over code length: accuracy in percent, and nanoseconds a comparison, logarithmic.",
        figure=figure,
        part=part,
        origin=origin_line((row.get("run", "") for row in study["accuracy"]), [study["provenance"]]),
    )


def _draw_accuracy(axes: Axes, study: Study) -> None:
    groups = by_code(study)
    lengths = [group[0]["length"] for group in groups]
    several_exits = len({group[0]["exit"] for group in groups}) > 1
    # Exits have an order of their own, and codes of one length among them.
    positions = list(range(len(groups))) if several_exits else lengths
    for metric, style in ACCURACY_STYLES.items():
        means = [100 * statistics.fmean(row[metric] for row in group) for group in groups]
        ends = [bar_ends(group, metric) for group in groups]
        axes.plot(positions, means, **style.line(), **style.points(), label=metric, zorder=3)
        axes.vlines(positions, [low for low, _ in ends], [high for _, high in ends], color=style.colour, linewidth=0.9)
    if all("mAP_ties_low" in row for row in study["accuracy"]):
        worst, best = (
            [100 * statistics.fmean(row[f"mAP_ties_{end}"] for row in group) for group in groups]
            for end in ("low", "high")
        )
        shade: dict[str, Any] = {"color": ACCURACY_STYLES["mAP"].colour, "alpha": 0.2, "label": "mAP, by ties"}
        if len(groups) > 1:
            axes.fill_between(positions, worst, best, linewidth=0, **shade)
        else:  # between one position and itself is no area
            axes.vlines(positions, worst, best, linewidth=ONE_SHADE, **shade)
    if several_exits:
        names = [f"{group[0]['exit']}\n{group[0]['length']} {UNITS[group[0]['code']]}" for group in groups]
        axes.set_xticks(positions, [clean(name) for name in names])
        axes.set_xlim(-0.4, len(groups) - 0.6)
    else:
        units = sorted({UNITS[group[0]["code"]] for group in groups})
        _length_axis(axes, lengths, f"Code length ({' or '.join(units)})")
    axes.set_ylabel("Accuracy (%)")


def _draw_times(axes: Axes, times: Sequence[Mapping[str, Any]]) -> None:
    lengths = [row["length"] for row in times]
    for name, (label, style) in WAYS.items():
        axes.plot(lengths, [row[name] for row in times], **style.line(), **style.points(), label=label)
    _length_axis(axes, lengths, "Code length (bits, or 32-bit floats)")
    axes.set_yscale("log")
    axes.set_ylabel("Nanoseconds a comparison,\nlogarithmic")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def _length_axis(axes: Axes, lengths: Sequence[int], label: str) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted(set(lengths)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlim(min(lengths) / 1.4, max(lengths) * 1.4)
    axes.set_xlabel(f"{label}, logarithmic")
