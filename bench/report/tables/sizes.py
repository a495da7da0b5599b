"""The same methods at several presets: what compares from one to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.findings.columns import costing, named, rounded, scored, shared
from bench.findings.sections import Section
from bench.findings.sizes import CHANCE, METRIC, POLICY, Sizes, all_sizes, order_kept, rows_of, thresholding_of
from bench.findings.table import Table, table
from bench.findings.text import file_name
from bench.findings.versions import version_remark


def sizes_tables(sections: Sequence[Section]) -> Iterator[Table]:
    """One table for each group of presets that are set side by side, a row for each method and preset."""
    groups = all_sizes(sections)
    for group in groups:
        yield _table(group, f"sizes-{part_of(group, groups)}")


def part_of(group: Sizes, groups: Sequence[Sizes]) -> str:
    """Name a group in file names: its data, and a number where several groups have the same."""
    alike = [one for one in groups if one.name == group.name]
    return file_name(group.name, "" if alike[0] is group else str(alike.index(group) + 1))


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


def reading(group: Sizes) -> str:
    """Say what is shown and what of it compares."""
    data = {size.section.title for size in group.sizes}
    several = "; ".join(f"{size.name}: {size.section.title}" for size in group.sizes)
    alike = (
        f"Presets are scored on different sets ({several}), so heights of {METRIC} do not compare from one preset "
        "to the next; what does is told within each. "
        if len(data) > 1
        else ""
    )
    thresholding = thresholding_of(group)
    swept = f" (thresholding {thresholding})" if thresholding else ""
    left_out = f" Left out, for no one setup stands for it: {'; '.join(group.left_out)}." if group.left_out else ""
    return (
        f"{alike}Order: by {METRIC} with everybody at the last exit, 1 the highest, among the {len(group.common)} "
        f"methods that every preset has. First exit: its {METRIC} with everybody there, of the last exit's. "
        f"{POLICY} over {CHANCE}: difference of the mean {METRIC} over all budgets{swept}. Gap closed: share of the "
        f"oracle's lead over interpolation between exits. Means over seeds. {order_kept(group)}{left_out}".rstrip()
    )
