"""The same methods at several presets: what compares from one to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.findings.columns import costing, named, rounded, scored, shared
from bench.findings.sections import Section
from bench.findings.sizes import CHANCE, METRIC, POLICY, Sizes, all_sizes, part_of, reading, rows_of
from bench.findings.table import Table, table
from bench.findings.versions import version_remark


def sizes_tables(sections: Sequence[Section]) -> Iterator[Table]:
    """One table for each group of presets that are set side by side, a row for each method and preset."""
    groups = all_sizes(sections)
    for group in groups:
        yield _table(group, f"sizes-{part_of(group, groups)}")


def _table(group: Sizes, name: str) -> Table:
    cost = group.sizes[0].section.cost
    columns = [
        named("method"),
        named("preset", "size"),
        named("seeds", "seed", is_number=True),
        costing(cost.heading("last exit"), cost, "last_exit_cost"),
        scored(f"{METRIC} last exit (%)", f"last_exit_{METRIC}"),
        rounded("order", "order"),
        shared("first exit of the last (%)", "first_of_last"),
        scored(f"{POLICY} over {CHANCE} (points)", "gain", signed=True),
        scored(f"gap closed by {POLICY} (%)", "gap_closed"),
    ]
    return table(name, f"Presets side by side, {group.title}", _note(group), rows_of(group), columns)


def _note(group: Sizes) -> str:
    remarks = "".join(dict.fromkeys(version_remark(size.section, (POLICY, CHANCE)) for size in group.sizes))
    return f"{group.sizes[0].section.evaluated}. {reading(group)} Brackets: 95 % interval.{remarks}"
