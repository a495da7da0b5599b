"""Records laid flat and checked: one row of a table for each record, every number finite."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from sys import intern
from typing import Any

from bench.budget.query_scores import METRICS

POINTS = ("exit", "extra", "policy", "oracle")
SUMMARIES = ("curve", "comparison", "outcome", "auc", "verification", "roc")
KINDS = (*POINTS, *SUMMARIES)
TEXTS = ("other", "threshold_from", "people")
"""Fields of some kinds of records that are texts."""
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
        row |= _finite({f"exit_fraction_{index}": fraction for index, fraction in enumerate(fractions, 1)})
    for name in TEXTS:
        row[name] = intern(str(record.get(name, "")))
    numbers = {name: value for name, value in record.items() if name not in NO_NUMBERS and value is not None}
    row |= _finite(numbers)
    if kind in SUMMARIES:
        return row
    constrained = kind == "oracle" and record["thresholding"] == "constrained"
    needed = ("mAP", "rank-1") if not constrained else ()
    missing = [name for name in ("requested_cost", "realised_cost", *needed) if name not in row]
    if missing or not any(metric in row for metric in METRICS):
        raise ValueError(f"a record of kind {kind} lacks {', '.join(missing) or 'every metric'}")
    return row


def _finite(values: Mapping[str, Any]) -> dict[str, float]:
    numbers = dict(zip(values, map(float, values.values()), strict=True))
    if not all(map(math.isfinite, numbers.values())):
        raise ValueError(
            f"a finite number is expected for {', '.join(n for n in numbers if not math.isfinite(numbers[n]))}"
        )
    return numbers
