"""Promised against realised saving of early exit: multiply-adds are not seconds."""

from __future__ import annotations

from collections.abc import Iterator

from bench.findings.inferences import POLICY_WORK, InferenceGroup, engines, inference_groups
from bench.findings.rounding import percent
from bench.findings.sections import Section
from bench.report.figures.drawing import Drawing, canvas, legend_below
from bench.report.figures.marks import handles_of
from bench.report.figures.style import DASHED, PAGE_INCHES, REFERENCE_COLOUR, line_styles
from bench.report.figures.values import draw_named

PROMISES = {"promised_by_macs": "multiply-adds", "promised_by_steps": "the step profile"}


def savings_figures(section: Section) -> Iterator[Drawing]:
    """Draw a figure for each run, scenario and batch size that has an engine."""
    for group in inference_groups(section):
        if any(engines(record) for record in group.records.values()):
            yield _figure(group)


def _figure(group: InferenceGroup) -> Drawing:
    styles = line_styles(group.records)
    points = [one for record in group.records.values() for one in engines(record)]
    values = [0.0, *(100 * float(one[what]) for one in points for what in (*PROMISES, "saved_network"))]
    margin = 0.06 * (max(values) - min(values)) or 1.0
    low, high = min(values) - margin, max(values) + margin
    title = f"Promised and realised saving, {group.title}"
    with canvas(PAGE_INCHES, 3.6, title, labels=styles) as figure:
        for axes, (what, name) in zip(figure.subplots(1, 2), PROMISES.items(), strict=True):
            axes.axline((0, 0), slope=1, color=REFERENCE_COLOUR, linewidth=0.9, linestyle=DASHED, zorder=1)
            axes.axhline(0, color=REFERENCE_COLOUR, linewidth=0.6, zorder=1)
            for engine, record in group.records.items():
                ran = engines(record)
                promised, saved = ([100 * float(one[of]) for one in ran] for of in (what, "saved_network"))
                texts = [
                    f"{one['name']} ({engine}): promised by {name} {percent(one[what])} %, "
                    f"realised {percent(one['saved_network'])} %"
                    for one in ran
                ]
                looks = {**styles[engine].line(), **styles[engine].points(), "markersize": 5}
                draw_named(axes, promised, saved, texts, **looks, zorder=3)
            axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
            axes.set_xlabel(f"Promised by {name} (% saved)")
            axes.set_ylabel("Realised in the network (% saved)")
        legend_below(figure, handles_of(styles))
    return Drawing(
        title=title,
        caption=(
            "A point is a budget; savings are against the full network on the same engine, realised ones in the time "
            "of the network's steps and of compaction. On the dashed diagonal a promise is kept; below zero early exit "
            f"takes longer than the full network. {POLICY_WORK} {group.measured}"
        ),
        description=f"Realised against promised saving in percent, for {'; '.join(group.records)}.",
        figure=figure,
        part=group.part,
        origin=group.origin,
    )
