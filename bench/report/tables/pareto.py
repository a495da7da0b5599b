"""What to use within a budget: the points of all methods, exits and policies that nothing cheaper equals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bench.report.curves import Curve, exit_curve, policy_curve
from bench.report.sections import Section, Setup
from bench.report.tables.rounding import millions, percent
from bench.report.tables.table import Table

METRIC, BESIDE = "mAP", "rank-1"


def pareto_table(section: Section) -> Table:
    """One row for each point with a higher mAP than every cheaper one, from the cheapest on; means over seeds."""
    points = sorted(
        (point for setup in section.setups for point in _points(setup)),
        key=lambda point: (point["realised_cost"], -point[METRIC], point["setup"], point["policy"]),
    )
    front: list[dict[str, Any]] = []
    for point in points:
        if not front or point[METRIC] > front[-1][METRIC]:
            front.append(point)
    shown = [
        {
            "MACs (M)": millions(point["realised_cost"]),
            f"{METRIC} (%)": percent(point[METRIC]),
            f"{BESIDE} (%)": percent(point[BESIDE]),
            "setup": point["setup"],
            "how": f"everybody at {point['exit']}"
            if point["exit"]
            else f"{point['policy']}, thresholding {point['thresholding']}",
        }
        for point in front
    ]
    note = (
        f"{section.title}; {section.evaluated}. Of {len(points):,} points (every exit alone, every policy at every "
        "budget in the first thresholding swept, means over seeds), those that no point of equal or lower cost "
        "equals in mAP. They are picked on the test queries themselves, which flatters a crowded field a little: "
        "whether neighbours differ by more than noise is for the intervals of the other tables."
    )
    name, title = f"{section.slug}-pareto", f"Best within a budget, {section.title}"
    return Table(name, title, note, pd.DataFrame(front), pd.DataFrame(shown))


def _points(setup: Setup) -> list[dict[str, Any]]:
    about = {"setup": setup.label, "seeds": len(setup.runs)}
    found = _rows({**about, "policy": "", "thresholding": ""}, *(exit_curve(setup, name) for name in (METRIC, BESIDE)))
    for place, row in enumerate(found):
        row["exit"] = setup.exit_names[place]
    for thresholding in setup.thresholdings()[:1]:
        for policy in setup.policies(thresholding):
            curves = (policy_curve(setup, policy, thresholding, name) for name in (METRIC, BESIDE))
            found += _rows({**about, "policy": policy, "thresholding": thresholding, "exit": ""}, *curves)
    return found


def _rows(about: dict[str, Any], curve: Curve, beside: Curve) -> list[dict[str, Any]]:
    return [
        {**about, "realised_cost": float(macs), METRIC: float(value), BESIDE: float(other)}
        for macs, value, other in zip(curve.macs, curve.values, beside.values, strict=True)
        if np.isfinite(value)
    ]
