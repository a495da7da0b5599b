"""What to use within a budget: the points of all methods, exits and policies that nothing cheaper equals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.findings.columns import costing, named, shared
from bench.findings.curves import Curve, exit_curve, policy_curve
from bench.findings.sections import Section
from bench.findings.setups import Setup
from bench.findings.table import Column, Record, Table, table
from bench.findings.versions import version_remark

METRIC, BESIDE = "mAP", "rank-1"


def pareto_table(section: Section) -> Table | None:
    """One row for each point with a higher mAP than every cheaper one, from the cheapest on; means over seeds.

    None where the section holds a single setup.
    """
    if len(section.setups) < 2:
        return None
    points = sorted(
        (point for setup in section.setups for point in _points(setup)),
        key=lambda point: (point["realised_cost"], -point[METRIC], point["setup"], point["policy"]),
    )
    front: list[dict[str, Any]] = []
    for point in points:
        if not front or point[METRIC] > front[-1][METRIC]:
            front.append(point)
    columns = [
        costing(section.cost.heading(), section.cost, "realised_cost"),
        *(shared(f"{name} (%)", name) for name in (METRIC, BESIDE)),
        named("setup"),
        Column("how", _how, is_number=False),
    ]
    note = (
        f"{section.title}; {section.evaluated}. Of {len(points):,} points (every exit alone, every policy at every "
        "budget in the first thresholding swept, means over seeds), those that no point of equal or lower cost "
        "equals in mAP. They are picked on the test queries themselves, which flatters a crowded field a little: "
        "whether neighbours differ by more than noise is for the intervals of the other tables."
        f"{version_remark(section)}"
    )
    return table(f"{section.slug}-pareto", f"Best within a budget, {section.title}", note, front, columns)


def _how(row: Record) -> str:
    return f"everybody at {row['exit']}" if row["exit"] else f"{row['policy']}, thresholding {row['thresholding']}"


def _points(setup: Setup) -> Iterator[dict[str, Any]]:
    about = {"setup": setup.label, "seeds": len(setup.runs)}
    exits = _rows({**about, "policy": "", "thresholding": ""}, *(exit_curve(setup, name) for name in (METRIC, BESIDE)))
    yield from ({**row, "exit": name} for row, name in zip(exits, setup.exit_names, strict=False))
    for thresholding in setup.thresholdings()[:1]:
        for policy in setup.policies(thresholding):
            curves = (policy_curve(setup, policy, thresholding, name) for name in (METRIC, BESIDE))
            yield from _rows({**about, "policy": policy, "thresholding": thresholding, "exit": ""}, *curves)


def _rows(about: dict[str, Any], curve: Curve, beside: Curve) -> list[dict[str, Any]]:
    return [
        {**about, "realised_cost": float(cost), METRIC: float(value), BESIDE: float(other)}
        for cost, value, other in zip(curve.costs, curve.values, beside.values, strict=True)
        if np.isfinite(value)
    ]
