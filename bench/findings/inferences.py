"""What ``bench infer`` measured, sorted for the report: one run in one scenario, on one engine or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.cost.profiles import machine_in_words
from bench.counts import count_of
from bench.findings.origin import origin_line
from bench.findings.sections import Section
from bench.findings.text import file_name
from bench.inert import clean

Record = Mapping[str, Any]
POLICY_WORK = (
    "What multiply-adds promise counts the policy's own work; the step profile and the network's time leave it out."
)
"""For captions that set promised beside realised savings."""


@dataclass(frozen=True)
class InferenceGroup:
    """One run, in one scenario and batch size: its records by the name of the engine and of what else differs."""

    section: Section
    records: Mapping[str, Record]

    @property
    def first(self) -> Record:
        """A record, for the fields that are equal in all."""
        return next(iter(self.records.values()))

    @property
    def scenario(self) -> str:
        """Scenario and batch size in words."""
        return f"{clean(self.first['scenario'])}, batches of {self.first['batch']}"

    @property
    def title(self) -> str:
        """Name the run, the data and how queries came."""
        return f"{clean(self.first['name'])} on {self.section.title}: {self.scenario}"

    @property
    def part(self) -> str:
        """End the names of files."""
        return file_name(*(str(self.first[name]) for name in ("name", "scenario", "batch")))

    @property
    def measured(self) -> str:
        """Say what was measured where, for a caption."""
        records = list(self.records.values())
        queries = sorted({f"{one['queries']:,}" for one in records})
        galleries = sorted({f"{one['gallery']:,}" for one in records})
        rounds = sorted({int(one["rounds"]) for one in records})
        machines = dict.fromkeys(machine_in_words(one) for one in records)
        return (
            f"Scenario {self.scenario}; {' and '.join(queries)} queries against {' and '.join(galleries)} gallery "
            f"images, rounds: {', '.join(map(str, rounds))}; measured on {'; '.join(machines)}"
            f"{'; the images are rendered' if self.section.rendered else ''}."
        )

    @property
    def origin(self) -> str:
        """Say what the times are from."""
        records = self.records.values()
        line = origin_line((one["run"] for one in records), (one["provenance"] for one in records))
        return f"Of the measurement: {line} Of the sweep:"


def inference_groups(section: Section) -> list[InferenceGroup]:
    """Sort a section's records: one group for each run, scenario and batch size, in the order of their names."""
    groups: dict[tuple[str, str, int], list[Record]] = {}
    for record in section.inferences:
        groups.setdefault((record["name"], record["scenario"], int(record["batch"])), []).append(record)
    return [InferenceGroup(section, _named(records)) for _, records in sorted(groups.items())]


def _named(records: Sequence[Record]) -> dict[str, Record]:
    """Name records by backend, precision and threads, and by the other settings in which they differ."""
    facts = [
        (
            f"{one['engine']['backend']}, {one['engine']['precision']}, "
            f"{count_of(one['engine']['threads'], 'thread')}"
            + (", rebatched" if one["engine"].get("rebatched") else ""),
            _processor(one),
            f"policy {one['policy']}",
            f"{one['thresholding']} thresholds",
            count_of(one["queries"], "query"),
            f"against {count_of(one['gallery'], 'image')}",
            f"seed {one.get('seed', 0)}",
            count_of(one["rounds"], "round"),
            f"p99 within {one['latency_bound']:g} ms"
            if "latency_bound" in one
            else "p99 within five times one query's",
        )
        for one in records
    ]
    differing = [0, *(index for index in range(1, len(facts[0])) if len({texts[index] for texts in facts}) > 1)]
    named: dict[str, Record] = {}
    for texts, record in zip(facts, records, strict=True):
        name = ", ".join(texts[index] for index in differing)
        # Records that differ in their budgets alone have one name.
        number = 1 + sum(other == name or other.startswith(f"{name} (") for other in named)
        named[clean(name if number == 1 else f"{name} ({number})")] = record
    return dict(sorted(named.items()))


def _processor(record: Record) -> str:
    device = str(record["engine"]["device"])
    return str(record["provenance"]["processor"]) if device == "cpu" else device


def engines(record: Record) -> list[Mapping[str, Any]]:
    """Contestants that decide, by their multiply-adds: the points of a line."""
    return sorted((one for one in record["contestants"] if one["kind"] == "engine"), key=lambda one: float(one["macs"]))
