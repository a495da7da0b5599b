"""The same methods at several presets: what is set side by side, and what of it compares.

Every preset may be scored on images of its own, so heights do not compare across presets. What is compared is within
one preset: the order of its methods, what leaving by a policy gains over random exits, what its first exit loses.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from bench.budget.crossed import Lead
from bench.findings.chosen import PREFERRED_POLICY
from bench.findings.curves import exit_curve
from bench.findings.leads import LEVEL, ahead, curve_value, policy_lead, setup_leads
from bench.findings.records import about_setup, with_ends
from bench.findings.sections import Section, evaluated
from bench.findings.setups import Setup
from bench.findings.text import file_name

METRIC = "mAP"
POLICY, CHANCE = PREFERRED_POLICY, "random"
"""The policy whose gain is shown, and what it is a gain over."""
Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Size:
    """One preset on one dataset: the setup that stands for each method, by its name; ``name`` is for people."""

    section: Section
    preset: str
    name: str
    setups: Mapping[str, Setup]

    def costs(self) -> tuple[float, float]:
        """Cost of the last exit, of the cheapest method and of the dearest."""
        every = [float(exit_curve(setup, METRIC).costs[-1]) for setup in self.setups.values()]
        return min(every), max(every)


@dataclass(frozen=True, eq=False)
class Sizes:
    """Presets that are set side by side, from the cheapest on; ``name`` is of their data, ``left_out`` who is not in.

    ``common`` are the methods that all of them have: among these the order is told.
    """

    name: str
    sizes: tuple[Size, ...]
    common: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def title(self) -> str:
        """Name the data, and what sets these apart from others on them."""
        first = self.sizes[0].section
        return f"{self.name}{' (rendered)' if first.rendered else ''} {first.distinction}".rstrip()

    @property
    def methods(self) -> tuple[str, ...]:
        """All methods, by name."""
        return tuple(sorted({name for size in self.sizes for name in size.setups}))


def all_sizes(sections: Sequence[Section]) -> tuple[Sizes, ...]:
    """Set presets side by side that were scored alike, on one dataset or on rendered sets of one program.

    A method takes part at a preset where one setup stands for it, its recipe told apart, and in all where two presets
    have it.
    """
    groups: dict[tuple[str, ...], list[Section]] = {}
    for section in sections:
        # Rendered sets are named after the program, then after what they are made of.
        data = section.dataset.partition("-")[0] if section.rendered else section.dataset
        groups.setdefault((data, *evaluated(section.setups[0].runs[0])), []).append(section)
    found = (_of_group(key[0], group) for key, group in sorted(groups.items()))
    return tuple(one for one in found if one is not None)


def _of_group(data: str, sections: Sequence[Section]) -> Sizes | None:
    stood_for: list[tuple[Section, str, dict[str, list[Setup]]]] = []
    for section in sections:
        presets: dict[str, dict[str, list[Setup]]] = {}
        for setup in section.setups:
            spec = setup.runs[0].spec
            if "content" not in spec:  # embeddings from elsewhere are of no preset
                presets.setdefault(str(spec["preset"]), {}).setdefault(_method(setup), []).append(setup)
        stood_for += [(section, preset, methods) for preset, methods in presets.items()]
    presets_alone = [preset for _, preset, _ in stood_for]
    sizes, left_out = [], []
    for section, preset, methods in stood_for:
        name = preset if presets_alone.count(preset) == 1 else f"{preset} on {section.title}"
        left_out += [
            f"{method} at {name} ({len(several)} setups)" for method, several in methods.items() if several[1:]
        ]
        sizes.append(Size(section, preset, name, {method: one for method, (one, *more) in methods.items() if not more}))
    counts = [name for size in sizes for name in size.setups]
    kept = [
        replace(size, setups={name: setup for name, setup in size.setups.items() if counts.count(name) > 1})
        for size in sizes
    ]
    kept = [size for size in kept if size.setups]
    if len({size.preset for size in kept}) < 2:
        return None
    common = set.intersection(*(set(size.setups) for size in kept))
    kept.sort(key=lambda size: (_cost(size, common), size.name))
    return Sizes(data, tuple(kept), tuple(sorted(common)), tuple(left_out))


def _method(setup: Setup) -> str:
    recipe = str(setup.runs[0].spec.get("recipe_name", "own"))
    return setup.method if recipe == "own" else f"{setup.method}, {recipe} recipe"


def _cost(size: Size, common: set[str]) -> float:
    """Median cost of the last exit, of the methods that all have."""
    methods = common or set(size.setups)
    return float(np.median([exit_curve(size.setups[name], METRIC).costs[-1] for name in methods]))


def thresholding_of(group: Sizes) -> str:
    """Choose the thresholding under which most setups were swept with the policy and with random exits."""
    counts: dict[str, int] = {}
    for size in group.sizes:
        for setup in size.setups.values():
            for name in setup.thresholdings():
                counts[name] = counts.get(name, 0) + ({POLICY, CHANCE} <= set(setup.policies(name)))
    return min(counts, key=lambda name: (-counts[name], name != "stream", name), default="")


def rows_of(group: Sizes) -> Iterator[Row]:
    """Go through methods and presets: a row for each, with what compares; NaN where it was not measured."""
    thresholding = thresholding_of(group)
    order = {size.name: _order(size, group.common) for size in group.sizes}
    for method in group.methods:
        for size in group.sizes:
            if method not in size.setups:
                continue
            setup = size.setups[method]
            curve = exit_curve(setup, METRIC)
            several = len(curve) > 1
            row = {**about_setup(size.section, setup), "method": method, "size": size.name}
            row |= {"last_exit_cost": float(curve.costs[-1]), f"last_exit_{METRIC}": float(curve.values[-1])}
            ends = {"low": curve.low, "high": curve.high}
            row |= {f"last_exit_{METRIC}_{end}": math.nan if of is None else float(of[-1]) for end, of in ends.items()}
            row["order"] = order[size.name].get(method, math.nan)
            row["first_of_last"] = float(curve.values[0] / curve.values[-1]) if several else math.nan
            row["thresholding"] = thresholding if several else ""
            gain = closed = None
            if several:
                gain = policy_lead(size.section, setup, POLICY, CHANCE, thresholding, METRIC)
                closed = curve_value(size.section, setup, POLICY, thresholding, f"{METRIC}_gap_closed")
            yield row | _told("gain", gain) | _told("gap_closed", closed)


def _order(size: Size, methods: Sequence[str]) -> dict[str, int]:
    """Number methods by their mAP at the last exit, 1 for the highest."""
    heights = {name: float(exit_curve(size.setups[name], METRIC).values[-1]) for name in methods}
    return {name: 1 + sum(other > height for other in heights.values()) for name, height in heights.items()}


def _told(name: str, found: Lead | None) -> Row:
    values = (math.nan,) * 3 if found is None else (found.value, found.low, found.high)
    return dict(zip(with_ends(name), values, strict=True))


def order_kept(group: Sizes) -> str:
    """Say how many pairs of methods keep their order from one preset to the next, of those told apart at both."""
    leaders = [_leaders(size, group.common) for size in group.sizes]
    told = []
    for (size, one), (following, other) in pairwise(zip(group.sizes, leaders, strict=True)):
        apart = [pair for pair, leader in one.items() if leader and other.get(pair)]
        kept = sum(one[pair] == other[pair] for pair in apart)
        told.append(f"{size.name} to {following.name}: {kept} of {len(apart)}")
    if len(group.common) < 2:
        return ""
    return (
        f"Of the {len(leaders[0])} pairs of methods, those told apart at both presets (p < {LEVEL}, Holm) that keep "
        f"their order, {'; '.join(told)}."
    )


def _leaders(size: Size, methods: Sequence[str]) -> dict[tuple[str, str], int]:
    """Who is ahead at the last exit, for each two methods: 1 the first, −1 the second, 0 neither."""
    chosen = replace(size.section, setups=tuple(size.setups[name] for name in methods))
    pairs = combinations(methods, 2)
    return {pair: ahead(row, METRIC) for pair, row in zip(pairs, setup_leads(chosen, "", ""), strict=True)}


def part_of(group: Sizes, groups: Sequence[Sizes]) -> str:
    """Name a group in file names: its data, and a number where several groups have the same."""
    alike = [one for one in groups if one.name == group.name]
    return file_name(group.name, "" if alike[0] is group else str(alike.index(group) + 1))


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
