"""Accuracy against milliseconds, where latency was measured: multiply-adds are not seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bench.budget.query_scores import CURVE_METRICS
from bench.findings.chosen import shared_policy
from bench.findings.curves import exit_curve, policy_means
from bench.findings.origin import origin_line
from bench.findings.rounding import number, percent
from bench.findings.sections import Section
from bench.findings.timed import Timed, timed_setups, views_in_words
from bench.report.figures.drawing import Drawing, canvas, legend_below
from bench.report.figures.marks import handles_of
from bench.report.figures.style import PAGE_INCHES, logarithmic_where_wide, method_styles
from bench.report.figures.values import draw_named
from bench.retrieval.table import FloatArray


def latency_figures(section: Section) -> Iterator[Drawing]:
    """Draw a figure for each machine and batch size on which setups were timed."""
    for part, ((machine, batch), timed) in enumerate(timed_setups(section).items(), 1):
        yield latency_figure(section, machine, batch, timed, str(part) if part > 1 else "")


def latency_figure(section: Section, machine: str, batch: int, timed: Sequence[Timed], part: str = "") -> Drawing:
    """Draw every timed setup: its exits as points, and the shared policy's curve at the time that its exits take."""
    policy, thresholding = shared_policy(section)
    styles = method_styles({one.setup.label: one.setup.method for one in timed})
    under = f", policy {policy}, thresholding {thresholding}" if policy else ""
    all_times = np.concatenate([one.milliseconds for one in timed])
    with canvas(PAGE_INCHES, 3.2, f"Methods on {section.title} in milliseconds{under}", labels=styles) as figure:
        for axes, metric in zip(figure.subplots(1, 2), CURVE_METRICS, strict=True):
            for one in timed:
                style = styles[one.setup.label]
                exits = exit_curve(one.setup, metric)
                if policy in one.setup.policies(thresholding):
                    spent, values = _curve(one, policy, thresholding, metric)
                    texts = _texts(f"{one.setup.label}, {policy}", metric, spent, values)
                    draw_named(axes, spent, 100 * values, texts, **style.line())
                texts = _texts(f"{one.setup.label}, everybody at one exit", metric, one.milliseconds, exits.values)
                looks = {**style.points(), "color": style.colour, "linestyle": "none"}
                draw_named(axes, one.milliseconds, 100 * exits.values, texts, **looks)
            axes.set_ylabel(f"{metric} (%)")
            axes.set_xlabel("Milliseconds an image")
            logarithmic_where_wide(axes, all_times.min(), all_times.max())
        legend_below(figure, handles_of(dict(sorted(styles.items()))))
    swept = policy and any(policy in one.setup.policies(thresholding) for one in timed)
    lines = "; lines: the policy, each exit at its own time" if swept else ""
    untimed = [setup.label for setup in section.setups if not any(one.setup is setup for one in timed)]
    missing = f" Not timed so: {', '.join(untimed)}." if untimed else ""
    return Drawing(
        title=f"Accuracy against milliseconds on {section.title}",
        caption=(
            f"Measured on {machine}, batches of {batch}: from normalised images to the embedding, medians; decoding "
            f"and matching are not in it. Points: everybody at one exit{lines}; means over seeds."
            f"{views_in_words(timed)}{missing}"
        ),
        description=f"Two line charts, mAP and rank-1 against milliseconds an image, for {', '.join(sorted(styles))}.",
        figure=figure,
        part=part,
        origin=f"Times: {origin_line((), (one.record['provenance'] for one in timed))} Accuracy:",
    )


def _curve(one: Timed, policy: str, thresholding: str, metric: str) -> tuple[FloatArray, FloatArray]:
    """Milliseconds (K,) and values (K,) over the budgets, means over seeds."""
    fractions = [f"exit_fraction_{index + 1}" for index in range(len(one.setup.exit_names))]
    values = policy_means(one.setup, policy, thresholding, [*fractions, metric])
    return values[:, :-1] @ one.milliseconds, values[:, -1]


def _texts(name: str, metric: str, milliseconds: FloatArray, values: FloatArray) -> list[str]:
    """Describe each point."""
    pairs = zip(milliseconds, values, strict=True)
    return [f"{name}: {metric} {percent(value)} % at {number(spent, 2)} milliseconds" for spent, value in pairs]
