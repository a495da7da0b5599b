"""A run's spec field by field, in groups, and where two specs differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from bench import registry
from bench.spec import shortened, with_defaults
from bench.training.recipe import Recipe

GROUP_OF = {
    "method": "method",
    "preset": "method",
    "seed": "method",
    "network": "method",
    "dataset": "data",
    "fingerprint": "data",
    "content": "data",
    "calibration_share": "data",
    "recipe_name": "recipe",
}
"""Group of the spec's fields; the others are of the recipe."""
GROUPS = ("method", "data", "recipe")
WEIGHTS, WEIGHTS_DIGEST = "weights", "weights_digest"
"""The fields of a file of weights: its path and the hash of its content."""


@dataclass(frozen=True)
class FieldDifference:
    """One field that is not the same in two runs; None where a run has no such field."""

    name: str
    first: Any
    second: Any


def with_later_settings(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in settings of recipe and network that are younger than a kept spec, at the value that stands for before."""
    if "content" in spec:  # embeddings from elsewhere have neither
        return dict(spec)
    network = {**registry.option_defaults(str(spec["method"])), **(spec.get("network") or {})}
    return {**spec, "network": network, "recipe": with_defaults(Recipe, spec.get("recipe") or {})}


def grouped(spec: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Lay a spec flat in :data:`GROUPS`: options of the network and the recipe by the names that ``--set`` takes."""
    groups: dict[str, dict[str, Any]] = {group: {} for group in GROUPS}
    # The plain fields first: what was run comes before how.
    for name, value in sorted(spec.items(), key=lambda field: isinstance(field[1], Mapping)):
        group = groups[GROUP_OF.get(name, "recipe")]
        group |= laid_flat(value) if isinstance(value, Mapping) else {name: value}
    first = list(GROUP_OF)
    return {
        group: dict(
            sorted(fields.items(), key=lambda field: first.index(field[0]) if field[0] in first else len(first))
        )
        for group, fields in groups.items()
    }


def laid_flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Lay nested values flat, with a dot into their parts."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= laid_flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return flat


def file_labels(paths: Sequence[str]) -> list[str]:
    """Name files by as many last parts of their paths as tell them apart: best.pt, or a/best.pt and b/best.pt."""
    parts = [PurePath(path).parts for path in paths]
    longest = max(map(len, parts), default=1)
    tails = ([str(PurePath(*path[-count:])) for path in parts] for count in range(1, longest + 1))
    return next((tail for tail in tails if len(set(tail)) == len(set(paths))), list(paths))


def told_apart(difference: FieldDifference) -> tuple[Any, Any]:
    """Give both values of a field as short as people can tell them apart."""
    first, second = difference.first, difference.second
    if difference.name == WEIGHTS and isinstance(first, str) and isinstance(second, str):
        first, second = file_labels([first, second])
    return shortened(first), shortened(second)


def differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[FieldDifference, ...]:
    """Tell where two laid-flat mappings differ, in the order of the first."""
    return tuple(
        FieldDifference(name, first.get(name), second.get(name))
        for name in dict.fromkeys([*first, *second])
        if first.get(name) != second.get(name)
    )


def spec_differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[FieldDifference, ...]:
    """Tell where two specs differ, group by group; a setting that is younger than a spec is at its default there."""
    one, other = grouped(with_later_settings(first)), grouped(with_later_settings(second))
    return tuple(difference for group in GROUPS for difference in differences(one[group], other[group]))
