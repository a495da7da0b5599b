"""Records of earlier schemas, brought to the names of today: a kept result stays readable when names change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

RENAMED = {
    "mode": "thresholding",
    "modes": "thresholdings",
    "orders": "shuffles",
    "exit_shares": "exit_fractions",
    "order_spread_mAP": "shuffle_spread_mAP",
}
"""Names of schema 1 that are whole, with those of schema 2."""
PARTS = (
    (re.compile(r"^(requested|realised)_macs"), r"\1_cost"),
    (re.compile(r"_macs_for_"), "_cost_for_"),
    (re.compile(r"_area_straight_line"), "_area_interpolation"),
    (re.compile(r"_area_over_line"), "_area_over_interpolation"),
)
"""Parts of names of schema 1, with those of schema 2."""
MACS = {"name": "macs", "unit": "multiply-adds"}
"""The cost that every sweep of schema 1 was made over."""


def upgrade_header(header: Mapping[str, Any]) -> dict[str, Any]:
    """Bring the header of a records file of schema 1 to the names of schema 2, which are those of today."""
    if header["schema"] != 1:
        return dict(header)
    sweep = header.get("sweep")
    renamed = {_renamed(name): value for name, value in sweep.items()} if isinstance(sweep, Mapping) else sweep
    return {**header, "schema": 2, "sweep": renamed, "cost": MACS}


def upgrade_record(record: Mapping[str, Any], schema: int) -> dict[str, Any]:
    """Bring one record of ``schema`` to the names of today."""
    if schema != 1:
        return dict(record)
    upgraded = {_renamed(name): value for name, value in record.items()}
    if upgraded.get("other") == "straight line":
        upgraded["other"] = "interpolation"
    return upgraded


@cache
def _renamed(name: str) -> str:
    if name in RENAMED:
        return RENAMED[name]
    for pattern, new in PARTS:
        name = pattern.sub(new, name)
    return name
