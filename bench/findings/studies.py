"""Search studies and searches of large galleries: their names, what belongs together in them, seeds in one row."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from bench.findings.rounding import percent, with_interval
from bench.findings.table import Column, Record
from bench.inert import clean

Study = Mapping[str, Any]
METRICS = ("rank-1", "mAP")
BETA_NAME = "β 2"
"""The paper's β."""
Scale = Mapping[str, Any]
"""What ``bench gallery scale`` keeps."""


def study_name(study: Study) -> str:
    """Name what was studied, on what."""
    method, dataset = study["method"], study["dataset"]
    data = f"{dataset['name']}{' (rendered)' if dataset['rendered'] else ''}"
    return clean(f"{method['name']} {method['preset']} on {data}")


def scale_name(scale: Scale) -> str:
    """Name whose codes were searched."""
    rendered = " (rendered)" if scale["dataset"]["rendered"] else ""
    return clean(f"{scale['name']} on {scale['dataset']['name']}{rendered}")


def by_code(study: Study) -> list[list[Mapping[str, Any]]]:
    """Accuracy rows of one code each, its seeds together: of one length, or of one exit."""
    groups: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for row in study["accuracy"]:
        groups.setdefault((row["exit"], row["length"]), []).append(row)
    return list(groups.values())


def ways(study: Study) -> list[list[Mapping[str, Any]]]:
    """Rows of one way of searching each, its seeds together; none in a study that has no such search."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in study.get("coarse_to_fine", ()):
        groups.setdefault((row["way"], row["name"]), []).append(row)
    return list(groups.values())


def about(study: Study) -> dict[str, Any]:
    """Name data and method, for the rows of a table."""
    return {"dataset": study["dataset"]["name"], "method": study["method"]["name"]}


def seeds_together(rows: Sequence[Mapping[str, Any]], leave_out: Sequence[str]) -> dict[str, Any]:
    """Means over seeds with their deviations (``NAME_sd``), or the values of a single seed with their intervals."""
    found: dict[str, Any] = {
        "seeds": " ".join(str(one["seed"]) for one in rows),
        "run": " ".join(str(one["run"]) for one in rows),
    }
    measured = {name for one in rows for name, value in one.items() if isinstance(value, int | float)}
    for name in sorted(measured - set(leave_out)):
        values = [float(one.get(name, math.nan)) for one in rows]
        bound = name.rpartition("_")[0] in METRICS and name.endswith(("_low", "_high"))
        if len(rows) > 1 and not bound:
            found |= {name: statistics.fmean(values), f"{name}_sd": statistics.stdev(values)}
        elif len(rows) == 1:
            found[name] = values[0]
    return found


def over_seeds(heading: str, name: str) -> Column:
    """Show one seed with its interval, and several as mean ± standard deviation."""

    def text(row: Record) -> str:
        deviation = row.get(f"{name}_sd", math.nan)
        return with_interval(row, name) if math.isnan(deviation) else f"{percent(row[name])} ± {percent(deviation)}"

    return Column(heading, text)


def bar_ends(rows: Sequence[Mapping[str, Any]], metric: str) -> tuple[float, float]:
    """Ends of the bar of some seeds in percent: the interval of one, or the span of several."""
    if len(rows) == 1:
        row = rows[0]
        return 100 * row.get(f"{metric}_low", row[metric]), 100 * row.get(f"{metric}_high", row[metric])
    values = [100 * row[metric] for row in rows]
    return min(values), max(values)


def spread_of(study: Study) -> str:
    """Say what stands beside the values of :func:`over_seeds`."""
    single = len(study["seeds"]) == 1
    return "brackets: 95 % interval over test identities" if single else "± standard deviation"
