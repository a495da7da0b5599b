"""Records of earlier schemas, brought to the names of today: a kept result stays readable when names change."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from bench.budget.curve_area import hull_height
from bench.budget.query_scores import CURVE_METRICS
from bench.budget.references import hull_exits
from bench.retrieval.table import FloatArray

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


def with_hull(header: Mapping[str, Any], records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to curves of before the hull was recorded what they are ahead of it: the values alone, without intervals.

    They follow from the exits' scores, those on held-out identities among them, that the same file has. Returns the
    records, those curves changed; all as they are where the file has no such scores.
    """
    curves = [record for record in records if record.get("kind") == "curve" and "mAP_area_hull" not in record]
    exits = sorted((record for record in records if record.get("kind") == "exit"), key=lambda one: one.get("exit") or 0)
    held_out = _numbers(header.get("calibration"), "mAP")
    costs = _numbers(exits, "realised_cost")
    if not curves or held_out is None or costs is None or len(held_out) != len(exits):
        return records
    if not (np.diff(costs) > 0).all():
        return records
    hull = hull_exits(costs, held_out.tolist())
    for metric in CURVE_METRICS:
        scores = _numbers(exits, metric)
        if scores is None:
            continue
        height = float(hull_height(costs, scores[None], hull)[0])
        for record in curves:
            area, oracle = record.get(f"{metric}_area"), record.get(f"{metric}_area_oracle")
            if isinstance(area, float) and isinstance(oracle, float):
                record |= {f"{metric}_area_hull": height, f"{metric}_area_over_hull": area - height}
                if oracle > height:
                    record[f"{metric}_hull_gap_closed"] = (area - height) / (oracle - height)
    return records


def _numbers(rows: object, name: str) -> FloatArray | None:
    """Give one value of each row, (S,); None where a row has none."""
    if not isinstance(rows, list) or not rows:
        return None
    values = [row.get(name) if isinstance(row, Mapping) else None for row in rows]
    if not all(isinstance(value, (int, float)) and math.isfinite(value) for value in values):
        return None
    return np.array(values, dtype=np.float64)


@cache
def _renamed(name: str) -> str:
    if name in RENAMED:
        return RENAMED[name]
    for pattern, new in PARTS:
        name = pattern.sub(new, name)
    return name
