"""What a file of embeddings says of itself, checked: names, cost, and what goes on record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from bench.data.views import VIEWS
from bench.errors import BenchError, unknown_name
from bench.evaluation.embeddings import COST_NAMES

KINDS: Mapping[str, type] = {
    "name": str,
    "dataset": str,
    "seed": int,
    "cost": dict,
    "exits": list,
    "classes": int,
    "rendered": bool,
    "fingerprint": str,
    "views": str,
    "counts": dict,
    "method": dict,
    "cost_convention": str,
    "training": dict,
    "run": dict,
}
"""What may stand there, and of which kind it is."""


def check_about(about: Mapping[str, Any]) -> None:
    """Check the description of a file. Raises BenchError for the first thing that is not as it should be."""
    for name, value in about.items():
        if name not in KINDS:
            raise unknown_name("entry of about", name, list(KINDS))
        if type(value) is not KINDS[name]:
            raise BenchError(f"about.{name} is of kind {KINDS[name].__name__}, found {type(value).__name__}: {value!r}")
    if "cost" not in about:
        raise BenchError(f"about.cost.unit says what costs are in, {', '.join(COST_NAMES)} or another; found no cost")
    cost = about["cost"]
    for name in ("name", "unit"):
        if name in cost and not (isinstance(cost[name], str) and cost[name].strip()):
            raise BenchError(f"about.cost.{name} is a text that is not empty; found {cost[name]!r}")
    if "unit" not in cost or (cost["unit"] not in COST_NAMES and "name" not in cost):
        raise BenchError(
            f"about.cost.unit says what costs are in, one of {', '.join(COST_NAMES)}, or another unit with the cost's "
            f"name as about.cost.name; found {cost.get('unit')!r}"
        )
    rate = cost.get("policy_mac", 1.0)
    if not _is_price(rate) or rate == 0:
        raise BenchError(f"about.cost.policy_mac is what a multiply-add costs, a positive number; found {rate!r}")
    search = cost.get("search", [])
    if not isinstance(search, list) or not all(_is_price(one) for one in search):
        raise BenchError(f"about.cost.search is what a search costs at each exit, a list of numbers; found {search!r}")
    if about.get("views", VIEWS[0]) not in VIEWS:
        raise unknown_name("entry about.views", about["views"], VIEWS)
    if about.get("seed", 0) < 0 or about.get("classes", 0) < 0:
        raise BenchError("about.seed and about.classes are 0 or more")
    for exit_ in about.get("exits", ()):
        if not isinstance(exit_, dict):
            raise BenchError(f"about.exits holds an object for each exit, found {exit_!r}")


def _is_price(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def cost_of(about: Mapping[str, Any]) -> dict[str, Any]:
    """Give name and unit of the cost, with what else is said of it."""
    cost = about["cost"]
    return dict(cost) if "name" in cost else {"name": COST_NAMES[cost["unit"]], **cost}
