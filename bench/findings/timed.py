"""Which setups of a section were timed, on what: latencies matched to networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.cost.profiles import machine_in_words, network_key
from bench.data.views import VIEW_COUNTS
from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.retrieval.table import FloatArray


@dataclass(frozen=True)
class Timed:
    """A setup with the latency of its network on one machine; for each image the network runs ``views`` times."""

    setup: Setup
    record: Mapping[str, Any]
    views: int = 1

    @property
    def milliseconds(self) -> FloatArray:
        """Milliseconds an image to each exit (S,), all views of it together."""
        return self.an_image("milliseconds")

    def an_image(self, column: str) -> FloatArray:
        """Turn a column of the record (S,), which is of one batch, into what an image takes, all views together."""
        return np.array(self.record[column]) * self.views / self.record["batch"]


def views_in_words(timed: Sequence[Timed]) -> str:
    """Say for a caption that times are of several views, where they are."""
    views = max((one.views for one in timed), default=1)
    return f" The network runs {views} times for an image, once a view: its time is that of all." if views > 1 else ""


def timed_setups(section: Section) -> dict[tuple[str, int], list[Timed]]:
    """Match latencies to the setups of a section by their network: lists by machine and batch size."""
    found: dict[tuple[str, int], list[Timed]] = {}
    counts = {str(name): count for name, count in VIEW_COUNTS.items()}
    # Records that do not say which views they are of are of the time when there was one.
    views = counts.get(str(section.evaluation.get("views", "centre")))
    if views is None:  # of another version of the suite
        return found
    for setup in section.setups:
        spec = setup.runs[0].spec
        size = (spec.get("recipe") or {}).get("input_size")
        key = network_key(str(spec["method"]), spec.get("network") or {}, size) if size else ""
        for record in section.latencies:
            if record["network"] == key and tuple(record["exits"]) == setup.exit_names:
                where = machine_in_words(record), int(record["batch"])
                found.setdefault(where, []).append(Timed(setup, record, views))
    return dict(sorted(found.items()))
