"""Accuracy against bits compared: gallery images that leave, beside queries that leave, and single codes."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from matplotlib.axes import Axes

from bench.findings.origin import origin_line
from bench.findings.rounding import percent
from bench.findings.sections import Section
from bench.findings.studies import BETA_NAME, METRICS, Study, bar_ends, study_name, ways
from bench.report.figures.drawing import Drawing, canvas, legend_below
from bench.report.figures.marks import handles_of
from bench.report.figures.style import COLOURS, OUTLINE, PAGE_INCHES, REFERENCE_COLOUR, LineStyle, logarithmic
from bench.report.figures.values import draw_named

SUBJECT = "coarse to fine"
"""Drawn over the others."""
STYLES = {
    "one code": ("one code alone", LineStyle(REFERENCE_COLOUR, "s", (0, (1.2, 1)))),
    SUBJECT: ("coarse to fine: gallery images leave", LineStyle(COLOURS[0], "o", "-")),
    "queries leave": ("queries leave (policy gs)", LineStyle(COLOURS[1], "^", (0, (5, 1.5)))),
}


def coarse_to_fine_figures(section: Section) -> Iterator[Drawing]:
    """Draw a figure for each study on the section's data that searched from coarse to fine."""
    for name, study in section.studies:
        if ways(study):
            yield coarse_to_fine_figure(study, name)


def coarse_to_fine_figure(study: Study, part: str = "") -> Drawing:
    """Draw rank-1 and mAP over the bits that a query is compared by."""
    with canvas(PAGE_INCHES, 3.3, f"Coarse-to-fine search: {study_name(study)}") as figure:
        panels = figure.subplots(1, 2)
        for axes, metric in zip(panels, METRICS, strict=True):
            _draw(axes, study, metric)
        legend_below(figure, handles_of(dict(STYLES.values())))
    seeds = ", ".join(map(str, study["seeds"]))
    return Drawing(
        title=f"Coarse-to-fine search, {study_name(study)}",
        caption=(
            f"Accuracy by the bits that a query is compared by, seeds {seeds}. {BETA_NAME} is the paper's, "
            "other points have other β. Bars span the 95 % interval over test identities of one seed, or the seeds "
            "where there are several. All thresholds are set on held-out identities. The network's cost is the same "
            "everywhere."
        ),
        description="Two panels, rank-1 and mAP in percent over thousands of bits compared for a query, logarithmic.",
        figure=figure,
        part=part,
        origin=origin_line((row.get("run", "") for row in study["coarse_to_fine"]), [study["provenance"]]),
    )


def _draw(axes: Axes, study: Study, metric: str) -> None:
    for way, (label, style) in STYLES.items():
        groups = [group for group in ways(study) if group[0]["way"] == way]
        bits = [statistics.fmean(row["bits"] for row in group) / 1e3 for group in groups]
        values = [100 * statistics.fmean(row[metric] for row in group) for group in groups]
        low, high = zip(*(bar_ends(group, metric) for group in groups), strict=True)
        axes.vlines(bits, low, high, color=style.colour, linewidth=0.9, alpha=0.6, zorder=2)
        texts = [
            f"{label}, {group[0]['name']}: {metric} {percent(value / 100)} % at {at:,.1f} thousand bits"
            for group, value, at in zip(groups, values, bits, strict=True)
        ]
        draw_named(axes, bits, values, texts, **style.line(), **style.points(), zorder=4 if way == SUBJECT else 3)
        for group, at, *ends in zip(groups, bits, low, high, strict=True):
            if way == "one code" or group[0]["name"] == BETA_NAME:
                # Codes are named above their bars, and β below its own: both may stand at the same bits.
                above = way == "one code"
                axes.annotate(
                    group[0]["name"],
                    (at, ends[above]),
                    xytext=(0, 2 if above else -2),
                    textcoords="offset points",
                    ha="center",
                    va="bottom" if above else "top",
                    color=style.colour,
                    zorder=6,
                    path_effects=OUTLINE,
                )
    axes.set_xlabel("Thousands of bits compared for a query")
    logarithmic(axes)
    axes.margins(x=0.14, y=0.14)
    axes.set_ylabel(f"{metric} (%)")
