"""Accuracy against milliseconds, where latency was measured: multiply-adds are not seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.latency_records import machine, network_key
from bench.report.comparison import shared_policy
from bench.report.curves import FloatArray, exit_curve, policy_means
from bench.report.figures import Drawing, canvas, legend_columns, set_title
from bench.report.marks import FIGURE_METRICS, handles_of
from bench.report.rounding import millions, number
from bench.report.sections import Section, Setup
from bench.report.style import PAGE_INCHES, logarithmic, method_styles
from bench.report.tables import Table

Record = Mapping[str, Any]
WIDE = 10
"""A logarithmic axis is for times that differ by more than this factor."""


@dataclass(frozen=True)
class Timed:
    """A setup with the latency of its network on one machine."""

    setup: Setup
    record: Record

    @property
    def milliseconds(self) -> FloatArray:
        """Milliseconds an image to each exit (S,)."""
        return np.array(self.record["milliseconds"]) / self.record["batch"]


def timed_setups(section: Section, records: Sequence[Record]) -> dict[tuple[str, int], list[Timed]]:
    """Match latencies to the setups of a section by their network: lists by machine and batch size."""
    found: dict[tuple[str, int], list[Timed]] = {}
    for setup in section.setups:
        spec = setup.runs[0].spec
        size = (spec.get("recipe") or {}).get("input_size")
        key = network_key(str(spec["method"]), spec.get("network") or {}, size) if size else ""
        for record in records:
            if record["network"] == key and tuple(record["exits"]) == setup.exit_names:
                found.setdefault((machine(record), int(record["batch"])), []).append(Timed(setup, record))
    return dict(sorted(found.items()))


def latency_figure(section: Section, place: str, batch: int, timed: Sequence[Timed], number_of: int) -> Drawing:
    """Draw every timed setup: its exits as points, and the shared policy's curve at the time that its exits take."""
    policy, mode = shared_policy(section)
    styles = method_styles({one.setup.label: one.setup.method for one in timed})
    all_times = np.concatenate([one.milliseconds for one in timed])
    columns = legend_columns(PAGE_INCHES, list(styles))
    with canvas(PAGE_INCHES, 3.4 + 0.14 * (len(timed) // columns)) as figure:
        for axes, metric in zip(figure.subplots(1, 2), FIGURE_METRICS, strict=True):
            for one in timed:
                style = styles[one.setup.label]
                exits = exit_curve(one.setup, metric)
                if policy in one.setup.policies(mode):
                    spent, values = _curve(one, policy, mode, metric)
                    axes.plot(spent, 100 * values, **style.line())
                axes.plot(one.milliseconds, 100 * exits.values, **style.points(), color=style.colour, linestyle="none")
            axes.set_ylabel(f"{metric} (%)")
            axes.set_xlabel("Milliseconds an image")
            if all_times.max() > WIDE * all_times.min():
                logarithmic(axes)
        handles = handles_of(dict(sorted(styles.items())))
        figure.legend(handles=handles, loc="outside lower center", ncols=columns)
        under = f", policy {policy}, mode {mode}" if policy else ""
        set_title(figure, f"Methods on {section.title} in milliseconds{under}")
    return Drawing(
        name=f"{section.slug}-latency" + (f"-{number_of}" if number_of > 1 else ""),
        title=f"Accuracy against milliseconds on {section.title}",
        caption=(
            f"Measured on {place}, batches of {batch}: from normalised images to the embedding, medians; decoding and "
            "matching are not in it. Points: everybody at one exit; lines: the policy, each exit at its own time, "
            "means over seeds."
        ),
        description=f"Two line charts, mAP and rank-1 against milliseconds an image, for {', '.join(sorted(styles))}.",
        figure=figure,
    )


def latency_table(section: Section, timed: Mapping[tuple[str, int], Sequence[Timed]]) -> Table:
    """One row for each exit of each timed setup: milliseconds beside multiply-adds."""
    full, shown, slugs = [], [], []
    for (place, batch), group in timed.items():
        for one in group:
            macs = exit_curve(one.setup, "mAP").macs
            for index, name in enumerate(one.setup.exit_names):
                middle, low, high = (one.record[what][index] / batch for what in ("milliseconds", "low", "high"))
                about = {"setup": one.setup.label, "exit": name, "batch": batch, "measured_on": place}
                row = {**about, "macs": macs[index], "milliseconds": middle}
                full.append(row | {"milliseconds_low": low, "milliseconds_high": high, "runs": one.record["runs"]})
                texts = {"setup": one.setup.label, "seed": "", "exit": name, "MACs (M)": millions(macs[index])}
                texts["milliseconds an image"] = f"{number(middle, 2)} [{number(low, 2)} to {number(high, 2)}]"
                texts["MACs a millisecond (M)"] = number(macs[index] / 1e6 / middle, 1)
                texts |= {"batch": str(batch), "measured on": place}
                shown.append(texts)
                slugs.append(one.setup.slug)
    note = (
        f"{section.title}. From normalised images on the device to the embedding there, all steps before it included; "
        "decoding and matching are not in it. Median and quartiles over the runs."
    )
    name, title = f"{section.slug}-latency", f"Latency of every exit, {section.title}"
    return Table(name, title, note, pd.DataFrame(full), pd.DataFrame(shown), tuple(slugs))


def _curve(one: Timed, policy: str, mode: str, metric: str) -> tuple[FloatArray, FloatArray]:
    """Milliseconds (K,) and values (K,) over the budgets, means over seeds."""
    shares = [f"exit_share_{index + 1}" for index in range(len(one.setup.exit_names))]
    values = policy_means(one.setup, policy, mode, [*shares, metric])
    return values[:, :-1] @ one.milliseconds, values[:, -1]
