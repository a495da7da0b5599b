"""Which setups of a section were timed, on what: latencies matched to networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.cost.profiles import machine_in_words, network_key
from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.retrieval.table import FloatArray


@dataclass(frozen=True)
class Timed:
    """A setup with the latency of its network on one machine."""

    setup: Setup
    record: Mapping[str, Any]

    @property
    def milliseconds(self) -> FloatArray:
        """Milliseconds an image to each exit (S,)."""
        return np.array(self.record["milliseconds"]) / self.record["batch"]


def timed_setups(section: Section) -> dict[tuple[str, int], list[Timed]]:
    """Match latencies to the setups of a section by their network: lists by machine and batch size."""
    found: dict[tuple[str, int], list[Timed]] = {}
    for setup in section.setups:
        spec = setup.runs[0].spec
        size = (spec.get("recipe") or {}).get("input_size")
        key = network_key(str(spec["method"]), spec.get("network") or {}, size) if size else ""
        for record in section.latencies:
            if record["network"] == key and tuple(record["exits"]) == setup.exit_names:
                found.setdefault((machine_in_words(record), int(record["batch"])), []).append(Timed(setup, record))
    return dict(sorted(found.items()))
