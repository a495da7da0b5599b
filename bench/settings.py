"""Settings by name and text, as ``--set`` takes them, applied to a network's options and a recipe."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from bench.errors import BenchError, unknown_name
from bench.methods import Options
from bench.training.recipe import Recipe

WHOLE_NUMBERS = (0, 65_536)
"""Least and greatest whole number that an option of a network takes where its method does not say."""
MOST_NUMBER = 1_000_000
"""Greatest number with a point, of either sign, that an option of a network takes."""


def override(
    network: Options,
    recipe: Recipe,
    settings: Mapping[str, str],
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[dict[str, Any], Recipe]:
    """Apply ``name=value`` settings to a network's options and a recipe.

    Names are those of the options (``ranking_weight``) and of the recipe's fields, with a dot into its parts
    (``epochs``, ``optimiser.learning_rate``, ``augmentation.erase``). A value must be of the kind that stands there,
    numbers finite, and those of a network in their ``ranges`` (least and greatest), by default
    :data:`WHOLE_NUMBERS` and up to :data:`MOST_NUMBER`. The recipe names the range of each of its own. Raises
    :class:`BenchError` otherwise.
    """
    options = dict(network)
    known = sorted([*options, *_field_names(recipe)])
    for name, text in settings.items():
        if name not in known:
            raise unknown_name("setting", name, known)
        if name in options:
            options[name] = _in_range(name, _parse(name, text, options[name]), (ranges or {}).get(name))
        else:
            recipe = _replace_field(recipe, name, text)
    return options, recipe


def _in_range(name: str, value: Any, allowed: tuple[float, float] | None) -> Any:
    if type(value) not in (int, float):
        return value
    whole = type(value) is int
    least, greatest = allowed or (WHOLE_NUMBERS if whole else (-MOST_NUMBER, MOST_NUMBER))
    if not least <= value <= greatest:
        kind, found = ("whole number", value) if whole else ("number", f"{value:g}")
        raise BenchError(f"setting {name}={found}: expected a {kind} from {least:,} to {greatest:,}")
    return value


def _field_names(value: Any, prefix: str = "") -> list[str]:
    names: list[str] = []
    for one in fields(value):
        part = getattr(value, one.name)
        if is_dataclass(part):
            names += _field_names(part, f"{prefix}{one.name}.")
        else:
            names.append(prefix + one.name)
    return names


def _replace_field(value: Any, name: str, text: str, whole: str = "") -> Any:
    head, _, rest = name.partition(".")
    current = getattr(value, head)
    changed = _replace_field(current, rest, text, whole or name) if rest else _parse(whole or name, text, current)
    return replace(value, **{head: changed})


def _parse(name: str, text: str, current: Any) -> Any:
    kind = type(current)
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        if kind is tuple:
            # An empty tuple does not say what it would hold.
            element = type(current[0]) if current else float if {".", "e"} & set(text) else int
            return tuple(_finite(name, element(part)) for part in text.replace("x", ",").split(",") if part)
        return _finite(name, kind(text))
    except (ValueError, KeyError):
        raise BenchError(f"setting {name}={text}: expected {kind.__name__}, as in {name}={current}") from None


def _finite(name: str, value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise BenchError(f"setting {name}={value}: expected a finite number")
    return value
