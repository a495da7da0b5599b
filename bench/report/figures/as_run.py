"""Accuracy against what early exit took as run: milliseconds, joules, or the rate that a server kept."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.budget.query_scores import CURVE_METRICS
from bench.findings.inferences import InferenceGroup, Record, engines, inference_groups
from bench.findings.rounding import number, percent
from bench.findings.sections import Section
from bench.report.figures.drawing import Drawing, canvas, legend_below
from bench.report.figures.marks import handles_of
from bench.report.figures.style import PAGE_INCHES, REFERENCE_COLOUR, LineStyle, line_styles, logarithmic_where_wide
from bench.report.figures.values import name_points

POINTS = {"full": ("full network", "*", 9.0), "exit": ("each exit alone", "D", 4.5), "rival": ("rival", "X", 7.0)}
"""What is no engine: name, marker and size, by kind."""


def as_run_figures(section: Section) -> Iterator[Drawing]:
    """Draw accuracy against milliseconds a query, a figure for each run, scenario and batch size."""
    for group in inference_groups(section):
        said = "Milliseconds a query, from image files to answers: median over the rounds of a round's time by queries."
        yield _figure(group, "milliseconds", "Milliseconds a query", "milliseconds", said)


def energy_figures(section: Section) -> Iterator[Drawing]:
    """Draw accuracy against joules a query, where a counter was read."""
    for group in inference_groups(section):
        counted = {
            name: record
            for name, record in group.records.items()
            if any(one["joules"] is not None for one in record["contestants"])
        }
        if counted:
            counters = "; ".join(dict.fromkeys(str(record["counter"]) for record in counted.values()))
            said = f"Joules a query by the counter ({counters}): median over the rounds; idle power is in it."
            yield _figure(InferenceGroup(section, counted), "joules", "Joules a query", "joules", said)


def server_figures(section: Section) -> Iterator[Drawing]:
    """Draw accuracy against the rate that a server kept within its latency bound."""
    for group in inference_groups(section):
        if group.first["scenario"] == "server":
            bounds = sorted({float(record["contestants"][0]["latency_bound"]) for record in group.records.values()})
            said = (
                "Rate: the highest one found, of queries that arrive at random (Poisson), whose 99th percentile of "
                f"latency stays within {' and '.join(number(bound, 1) for bound in bounds)} ms; the median over the "
                "rounds, each with arrivals of its own. Bars reach from the least to the greatest."
            )
            yield _figure(group, "rate", "Rate kept (queries a second)", "queries a second", said)


def _figure(group: InferenceGroup, what: str, label: str, unit: str, said: str) -> Drawing:
    styles = line_styles(group.records)
    every = [one for record in group.records.values() for one in record["contestants"] if one[what] is not None]
    kinds = {one["kind"] for one in every}
    handles = [*handles_of(styles), *(_handle(kind) for kind in POINTS if kind in kinds)]
    spent = [float(one[what]) for one in every]
    title = f"Accuracy against {unit}, as run, {group.title}"
    with canvas(PAGE_INCHES, 3.2, title, labels=[str(handle.get_label()) for handle in handles]) as figure:
        for axes, metric in zip(figure.subplots(1, 2), CURVE_METRICS, strict=True):
            for name, record in group.records.items():
                _draw(axes, record, styles[name], what, metric)
                _name_points(axes, record, name, what, metric, unit)
            axes.set_ylabel(f"{metric} (%)")
            axes.set_xlabel(label)
            if not logarithmic_where_wide(axes, min(spent), max(spent)):
                axes.set_xlim(left=0)
            axes.margins(y=0.1)
        legend_below(figure, handles)
    policies = ", ".join(sorted({f"{one['policy']}, {one['thresholding']}" for one in group.records.values()}))
    return Drawing(
        title=title,
        caption=(
            f"{said} A line is an engine, its points budgets (policy and thresholds: {policies}); marks in its colour "
            f"are networks that decide nothing. {group.measured}"
        ),
        description=f"Two charts, mAP and rank-1 against {unit}, for {'; '.join(group.records)}.",
        figure=figure,
        part=group.part,
        origin=group.origin,
    )


def _handle(kind: str) -> Line2D:
    name, marker, size = POINTS[kind]
    looks = LineStyle(REFERENCE_COLOUR, marker, "none", fill="none" if kind == "exit" else "full").points()
    return Line2D([], [], linestyle="none", **looks, markersize=size, label=name)


def _draw(axes: Axes, record: Record, style: LineStyle, what: str, metric: str) -> None:
    line = [(float(one[what]), 100 * one[metric]) for one in engines(record) if one[what] is not None]
    axes.plot([x for x, _ in line], [y for _, y in line], **style.line(), **style.points(), zorder=4)
    for kind, (_, marker, size) in POINTS.items():
        points = [one for one in record["contestants"] if one["kind"] == kind and one[what] is not None]
        looks = LineStyle(style.colour, marker, "none", fill="none" if kind == "exit" else "full").points()
        where = [float(one[what]) for one in points], [100 * one[metric] for one in points]
        axes.plot(*where, linestyle="none", **looks, markersize=size, zorder=3)
    for one in record["contestants"]:
        if f"{what}_low" in one:
            ends = float(one[f"{what}_low"]), float(one[f"{what}_high"])
            axes.hlines(100 * one[metric], *ends, colors=style.colour, linewidth=0.7, zorder=2)


def _name_points(axes: Axes, record: Record, name: str, what: str, metric: str, unit: str) -> None:
    measured = [one for one in record["contestants"] if one[what] is not None]
    texts = [
        f"{one['name']} ({name}): {metric} {percent(one[metric])} % at {number(float(one[what]), 2)} {unit}"
        for one in measured
    ]
    name_points(axes, [float(one[what]) for one in measured], [100 * one[metric] for one in measured], texts)
