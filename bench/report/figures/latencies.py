"""How long queries took that left at each exit: the distribution, not its mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from bench.findings.inferences import InferenceGroup, Record, engines, inference_groups
from bench.findings.sections import Section
from bench.report.figures.drawing import Drawing, canvas, legend_below
from bench.report.figures.style import PAGE_INCHES, REFERENCE_COLOUR, logarithmic_where_wide

FULL = "full network"
GROUP_WIDTH = 0.8
"""Width of the boxes of one exit together, of the distance from exit to exit."""


def latencies_figures(section: Section) -> Iterator[Drawing]:
    """Draw a figure for each run, scenario and batch size that has an engine; a panel for each engine."""
    for group in inference_groups(section):
        if any(engines(record) for record in group.records.values()):
            yield _figure(group)


def query_times(record: Record) -> pd.DataFrame:
    """One row for each query and round: ``contestant``, ``exit`` (from 1) and ``milliseconds``."""
    parts = []
    for one in (record["contestants"][0], *engines(record)):
        values, label = one["values"], FULL if one["kind"] == "full" else str(one["name"])
        for times in values["milliseconds"]:
            exits = np.asarray(values["exits"], dtype=int) + 1
            parts.append(pd.DataFrame({"contestant": label, "exit": exits, "milliseconds": np.asarray(times, float)}))
    return pd.concat(parts, ignore_index=True)


def _boxes(axes: Axes, frame: pd.DataFrame, exits: Sequence[int], palette: Mapping[str, str]) -> None:
    """Draw a box for each exit and contestant, those of one exit side by side."""
    width = GROUP_WIDTH / len(palette)
    for number, (label, colour) in enumerate(palette.items()):
        own = frame[frame["contestant"] == label]
        axes.boxplot(
            [own.loc[own["exit"] == exit_, "milliseconds"] for exit_ in exits],
            positions=[exit_ + width * (number - (len(palette) - 1) / 2) for exit_ in exits],
            widths=0.9 * width,
            whis=(1, 99),
            showfliers=False,
            patch_artist=True,
            manage_ticks=False,
            boxprops={"facecolor": colour, "linewidth": 0.8},
            medianprops={"color": "black", "linewidth": 0.8},
            whiskerprops={"linewidth": 0.8},
            capprops={"linewidth": 0.8},
        )
    axes.set_xticks(exits)
    axes.set_xlim(exits[0] - 0.5, exits[-1] + 0.5)


def _figure(group: InferenceGroup) -> Drawing:
    frames = {name: query_times(record) for name, record in group.records.items()}
    every = pd.concat(frames.values())
    labels = list(dict.fromkeys(every["contestant"]))
    colours = [REFERENCE_COLOUR, *seaborn.color_palette("crest", len(labels) - 1).as_hex()]
    palette = dict(zip(labels, colours, strict=True))
    exits = range(1, len(group.first["contestants"][0]["exit_fractions"]) + 1)
    with canvas(PAGE_INCHES, 0.6 + 2.1 * len(frames), f"Latency by exit, {group.title}", labels=labels) as figure:
        for axes, (name, frame) in zip(
            figure.subplots(len(frames), 1, sharex=True, sharey=True, squeeze=False)[:, 0], frames.items(), strict=True
        ):
            _boxes(axes, frame, exits, palette)
            axes.set_title(name)
            axes.set_xlabel("Exit where the query left" if name == list(frames)[-1] else "")
            axes.set_ylabel("Milliseconds")
            if logarithmic_where_wide(axes, every["milliseconds"].min(), every["milliseconds"].max(), "y"):
                axes.set_ylabel("Milliseconds,\nlogarithmic")
        boxes = [Patch(facecolor=colour, label=label) for label, colour in palette.items()]
        legend_below(figure, boxes)
    return Drawing(
        title=f"Latency by exit, {group.title}",
        caption=(
            "Milliseconds from when a query's batch was given to the engine, images decoded, until the query was "
            "answered. Boxes: quartiles and median; whiskers: to the last times within the 1st and 99th "
            f"percentile; all rounds together. {group.measured}"
        ),
        description=f"Box plots of milliseconds by exit and budget, a panel for each of {'; '.join(group.records)}.",
        figure=figure,
        part=group.part,
        origin=group.origin,
    )
