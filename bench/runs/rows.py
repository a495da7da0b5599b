"""Records laid flat and checked: one row of a table for each record, every number finite."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from sys import intern
from typing import Any

from bench.budget.query_scores import METRICS

POINTS = ("exit", "extra", "policy", "oracle")
SUMMARIES = ("curve", "comparison", "outcome", "auc", "verification", "roc")
KINDS = (*POINTS, *SUMMARIES)
TEXTS = ("other", "threshold_from", "people")
"""Fields of some kinds of records that are texts."""
COSTS = ("requested_cost", "realised_cost")
NEEDED = ("mAP", "rank-1")
"""Metrics that every point has, but for those of an oracle that keeps to a budget."""
NO_NUMBERS = frozenset({"kind", "policy", "thresholding", "a", "exit", "exit_fractions", *TEXTS})
"""Fields that are no plain numbers."""


def check_header(header: Mapping[str, Any]) -> None:
    """Refuse a header that does not tell what was run.

    Raises ValueError, KeyError, TypeError or AttributeError where a part is missing or of another form.
    """
    spec, evaluation = header["spec"], header["evaluation"]
    names = {str(spec[name]) for name in ("dataset", "fingerprint", "method", "preset")}
    if "" in names or not header["run"] or not header["provenance"]:
        raise ValueError("the header leaves run, dataset, method, preset or provenance empty")
    int(spec["seed"]), str(evaluation["ap"]), str(evaluation["signals"]), header["provenance"].get("at")
    if not isinstance(header["dataset"]["counts"], dict):
        raise TypeError("counts of the dataset are not named")
    history = (header.get("training") or {}).get("history") or ()
    versions = header.get("policy_versions") or {}
    for part in (header.get("sweep") or {}, header.get("method") or {}, versions, *history):
        if not isinstance(part, Mapping):
            raise TypeError("parts of the header are not named")
    if not all(isinstance(version, int) for version in versions.values()):
        raise TypeError("versions of policies are no whole numbers")


def flat_rows(records: Sequence[Mapping[str, Any]], exits: Sequence[str]) -> list[dict[str, Any]]:
    """Lay the records of one file flat; ``exits`` are the names of its exits.

    Raises ValueError, KeyError or TypeError where they are no records of this suite.
    """
    rows = [_row(record, exits) for record in records]
    if sorted(row["exit"] for row in rows if row["kind"] == "exit") != list(range(len(exits))) or not exits:
        raise ValueError(f"not one record for each of {len(exits)} exits")
    return rows


def _row(record: Mapping[str, Any], exits: Sequence[str]) -> dict[str, Any]:
    """Lay one record flat: an infinite ``a`` as a number, the fraction of every exit in a column of its own."""
    kind, exit_index, a = record["kind"], record.get("exit"), record.get("a")
    if kind not in KINDS:
        raise ValueError(f"unknown kind of record {kind!r}")
    # The same few names stand in thousands of rows: each is held once.
    row: dict[str, Any] = {
        "kind": intern(str(kind)),
        "policy": intern(str(record["policy"])),
        "thresholding": intern(str(record["thresholding"])),
        "a": math.nan if a is None else float(a),
        "exit": math.nan if exit_index is None else int(exit_index),
        "exit_name": exits[int(exit_index)] if exit_index is not None else "",
    }
    fractions = record.get("exit_fractions", ())
    if kind == "policy" and len(fractions) != len(exits):
        raise ValueError(f"{len(fractions)} exit fractions for {len(exits)} exits")
    if fractions:
        row |= _finite([f"exit_fraction_{index}" for index in range(1, len(fractions) + 1)], fractions)
    for name in TEXTS:
        row[name] = intern(str(record.get(name, "")))
    names = _numbers_among(tuple(record))
    try:
        row |= _finite(names, [*map(record.__getitem__, names)])
    except TypeError:  # None stands where a number could not be computed
        names = tuple(name for name in names if record[name] is not None)
        row |= _finite(names, [*map(record.__getitem__, names)])
    if kind in SUMMARIES:
        return row
    constrained = kind == "oracle" and record["thresholding"] == "constrained"
    needed = COSTS if constrained else (*COSTS, *NEEDED)
    if not row.keys() >= set(needed) or not any(metric in row for metric in METRICS):
        missing = [name for name in needed if name not in row]
        raise ValueError(f"a record of kind {kind} lacks {', '.join(missing) or 'every metric'}")
    return row


@lru_cache(maxsize=256)
def _numbers_among(names: tuple[str, ...]) -> tuple[str, ...]:
    """Choose the fields that are plain numbers: thousands of records have the same few sets of names."""
    return tuple(name for name in names if name not in NO_NUMBERS)


def _finite(names: Sequence[str], values: Sequence[Any]) -> dict[str, float]:
    numbers = dict(zip(names, map(float, values), strict=True))
    # One number that is not finite makes the sum so; a sum may be infinite without, so each is looked at then.
    if not math.isfinite(sum(numbers.values())) and not all(map(math.isfinite, numbers.values())):
        raise ValueError(
            f"a finite number is expected for {', '.join(n for n in numbers if not math.isfinite(numbers[n]))}"
        )
    return numbers
