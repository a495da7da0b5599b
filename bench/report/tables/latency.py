"""Milliseconds of every exit, where latency was measured, beside its multiply-adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.cost.profiles import machine, network_key
from bench.report.curves import FloatArray, exit_curve
from bench.report.sections import Section, Setup
from bench.report.tables.rounding import millions, number
from bench.report.tables.table import Table

Record = Mapping[str, Any]


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
