"""Milliseconds of every exit, where latency was measured, beside its cost."""

from __future__ import annotations

from bench.findings.columns import costing, named
from bench.findings.curves import exit_curve
from bench.findings.rounding import number
from bench.findings.sections import Section
from bench.findings.table import Column, Record, Table, table
from bench.findings.timed import timed_setups, views_in_words


def latency_table(section: Section) -> Table:
    """One row for each exit of each timed setup: milliseconds beside its cost."""
    rows = []
    timed = timed_setups(section)
    for (measured_on, batch), group in timed.items():
        for one in group:
            costs = exit_curve(one.setup, "mAP").costs
            times = [one.an_image(what) for what in ("milliseconds", "low", "high")]
            for index, name in enumerate(one.setup.exit_names):
                middle, low, high = (float(values[index]) for values in times)
                row = {"setup": one.setup.label, "exit": name, "batch": batch, "measured_on": measured_on}
                row |= {"cost": section.cost.name, "cost_unit": section.cost.unit, "exit_cost": costs[index]}
                row |= {"milliseconds": middle, "milliseconds_low": low, "milliseconds_high": high}
                rows.append(row | {"runs": one.record.get("runs")})
    columns = [
        named("setup"),
        named("exit"),
        costing(section.cost.heading(), section.cost, "exit_cost"),
        Column("milliseconds an image", _milliseconds),
        named("batch", is_number=True),
        named("measured on", "measured_on"),
    ]
    if section.cost.is_default:
        rate = Column("MACs a millisecond (M)", lambda row: number(row["exit_cost"] / 1e6 / row["milliseconds"], 1))
        columns.insert(4, rate)
    note = (
        f"{section.title}. From normalised images on the device to the embedding there, all steps before it included; "
        "decoding and matching are not in it. Median and quartiles over the runs."
        f"{views_in_words([one for group in timed.values() for one in group])}"
    )
    return table(f"{section.slug}-latency", f"Latency of every exit, {section.title}", note, rows, columns)


def _milliseconds(row: Record) -> str:
    middle, low, high = (number(row[f"milliseconds{end}"], 2) for end in ("", "_low", "_high"))
    return f"{middle} [{low} to {high}]"
