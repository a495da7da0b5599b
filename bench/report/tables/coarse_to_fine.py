"""Coarse-to-fine search as a table: what every way of searching compares, and what it finds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from bench.findings.columns import rounded, shared, told
from bench.findings.rounding import number
from bench.findings.studies import (
    BETA_NAME,
    METRICS,
    Study,
    about,
    over_seeds,
    seeds_together,
    spread_of,
    study_name,
    ways,
)
from bench.findings.table import Column, Record, Table, table
from bench.findings.text import file_name


def coarse_to_fine_table(study: Study, prefix: str) -> Table:
    """One row for each way of searching; empty in a study that has no such search."""
    rows: list[dict[str, Any]] = []
    for group in ways(study):
        first = group[0]
        row = {**about(study), "way": first["way"], "name": first["name"], "lengths": _joined(first["lengths"])}
        row["thresholds"] = "; ".join(dict.fromkeys(_joined(one.get("thresholds", ())) for one in group))
        for index, length in enumerate(first["lengths"]):
            shares = [one["compared"][index] for one in group]
            row[f"compared_by_{length}_bits"] = math.fsum(shares) / len(shares)
        row |= seeds_together(group, ("seed", "run", "beta"))
        row["network_and_search_macs"] = row["macs"] + row["word_operations"]
        rows.append(row)
    full = max((row["bits"] for row in rows if row["way"] == "one code"), default=math.nan)
    for row in rows:
        row["_of_full"] = row["bits"] / full
    columns = [
        Column("search", _name, is_number=False),
        told("thresholds", is_number=True),
        Column("compared (%)", _compared),
        rounded("kbit", "bits", 1, per=1e3),
        shared("of longest (%)", "_of_full"),
        Column("ms", lambda row: number(row.get("milliseconds", math.nan), 3)),
        *(over_seeds(f"{name} (%)", name) for name in METRICS),
    ]
    lengths = rows[0]["lengths"] if rows else ""
    note = (
        f"{study_name(study)}; codes of {lengths} bits; seeds {', '.join(map(str, study['seeds']))}; "
        f"{spread_of(study)}. Compared: fractions of the gallery by each code, the shortest first; kbit: "
        "thousands of bits compared for a query. Coarse to fine: "
        f"gallery images within a threshold are compared again by the next code; {BETA_NAME} is the paper's F-score. "
        "Queries leave: a policy lets queries keep the order of a short code, at budgets from the shortest code (0 %) "
        f"to all codes (100 %). All thresholds are set on held-out identities. {_network(rows)}"
        f"ms, where it was measured: one query's distances and order, {study['gallery_size']:,} images drawn from the "
        "run's gallery."
    )
    title = f"Coarse-to-fine search, {study_name(study)}"
    return table(file_name(prefix, ending="coarse-to-fine").lstrip("-"), title, note, rows, columns)


def _network(rows: Sequence[Mapping[str, Any]]) -> str:
    """Say how little a search costs beside the network: multiply-adds, and words of 64 bits as one each."""
    if not rows:
        return ""
    words = [row["word_operations"] for row in rows]
    return (
        f"The network takes {rows[0]['macs'] / 1e6:,.1f} M multiply-adds for every query, a search {min(words):,.0f} "
        f"to {max(words):,.0f} comparisons of 64 bits. "
    )


def _name(row: Record) -> str:
    return str(row["name"]) if row["way"] == "one code" else f"{row['way']}, {row['name']}"


def _compared(row: Record) -> str:
    return " / ".join(number(100 * float(row[f"compared_by_{length}_bits"]), 0) for length in row["lengths"].split("/"))


def _joined(values: Any) -> str:
    return "/".join(str(value) for value in values)
