"""Records laid flat and checked, in columns or in rows: every number finite, and none where a record has none."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from sys import intern
from typing import Any, TypeAlias

import numpy as np

from bench.budget.query_scores import METRICS
from bench.retrieval.table import FloatArray

Columns: TypeAlias = Mapping[str, Any]
"""Columns of rows by their names: sequences of a value each, arrays where all are floating-point numbers."""
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


@dataclass(frozen=True)
class Alike:
    """Records of one kind with the same fields, laid flat: where each stands in its file, and their columns."""

    kind: str
    places: Sequence[int]
    columns: Columns

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Give each record as a row, with its place."""
        values = (values.tolist() if isinstance(values, np.ndarray) else values for values in self.columns.values())
        for place, row in zip(self.places, zip(*values, strict=True), strict=True):
            yield place, dict(zip(self.columns, row, strict=True))

    def chosen(self, indices: Sequence[int], after: int) -> Alike:
        """Give some of the records, as they stand in a list that has so many other records before them."""
        columns = {
            name: values[indices] if isinstance(values, np.ndarray) else [values[index] for index in indices]
            for name, values in self.columns.items()
        }
        return Alike(self.kind, [after + self.places[index] for index in indices], columns)


def flat_rows(records: Sequence[Mapping[str, Any]], exits: Sequence[str]) -> list[dict[str, Any]]:
    """Lay the records of one file flat, a row each; ``exits`` are the names of its exits.

    Raises ValueError, KeyError or TypeError where they are no records of this suite.
    """
    return rows_of(laid_flat(records, exits))


def rows_of(alike: Iterable[Alike]) -> list[dict[str, Any]]:
    """Give records as rows, in the order of their places."""
    return [row for _, row in sorted(chain.from_iterable(one.rows() for one in alike), key=itemgetter(0))]


def columns_of(alike: Iterable[Alike]) -> dict[str, Columns]:
    """Give records as columns, for each kind; NaN where a record has no value.

    They are in the order of their places, exits from the first to the last.
    """
    by_kind: dict[str, list[Alike]] = {}
    for one in alike:
        by_kind.setdefault(one.kind, []).append(one)
    return {kind: _joined(own) if kind == "exit" or len(own) > 1 else own[0].columns for kind, own in by_kind.items()}


def laid_flat(records: Sequence[Mapping[str, Any]], exits: Sequence[str]) -> list[Alike]:
    """Lay the records of one file flat, those with the same fields at once: thousands have the same few sets of them.

    ``exits`` are the names of the file's exits. A field that holds None is as one that is not there. Raises ValueError,
    KeyError or TypeError where they are no records of this suite.
    """
    places: dict[tuple[str, ...], list[int]] = {}
    for place, record in enumerate(records):
        names = [name for name, value in record.items() if value is not None] if None in record.values() else record
        places.setdefault((record["kind"], *names), []).append(place)
    alike = [
        Alike(kind, own, _columns(kind, names, [records[place] for place in own], exits))
        for (kind, *names), own in places.items()
    ]
    found = [index for one in alike if one.kind == "exit" for index in one.columns["exit"]]
    if sorted(found) != list(range(len(exits))) or not exits:
        raise ValueError(f"not one record for each of {len(exits)} exits")
    return alike


def _columns(
    kind: str, names: Sequence[str], records: Sequence[Mapping[str, Any]], exits: Sequence[str]
) -> dict[str, Any]:
    """Lay records of one kind with the same fields flat, an infinite ``a`` as a number, exits' fractions one by one."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind of record {kind!r}")
    if missing := _missing(kind, names, records):
        raise ValueError(f"a record of kind {kind} lacks {', '.join(missing)}")
    fields = dict(zip(names, zip(*map(itemgetter(*names), records), strict=True), strict=True))
    count = len(records)
    columns: dict[str, Any] = {"kind": (intern(kind),) * count}
    columns |= {name: _texts(fields[name]) for name in ("policy", "thresholding")}
    columns["a"] = np.array([float(value) for value in fields.get("a", (math.nan,) * count)])
    columns["exit"] = tuple(map(int, fields["exit"])) if "exit" in fields else np.full(count, math.nan)
    columns["exit_name"] = tuple(exits[index] for index in columns["exit"]) if "exit" in fields else ("",) * count
    shares = _finite(fields.get("exit_fractions", ((),) * count))
    if shares is None or (kind == "policy" and shares.shape[1] != len(exits)):
        raise ValueError(f"a finite fraction is expected for each of {len(exits)} exits")
    columns |= {f"exit_fraction_{index}": values for index, values in enumerate(shares.T, start=1)}
    columns |= {name: _texts(fields[name]) if name in fields else ("",) * count for name in TEXTS}
    numbers = [name for name in names if name not in NO_NUMBERS]
    read = _finite([fields[name] for name in numbers]) if numbers else np.empty((0, count))
    if read is None:
        wrong = [name for name in numbers if _finite([fields[name]]) is None]
        raise ValueError(f"a finite number is expected for {', '.join(wrong)}")
    return columns | dict(zip(numbers, read, strict=True))


def _finite(values: Sequence[Sequence[Any]]) -> FloatArray | None:
    """Turn rows of numbers into an array (N, K); None where one is no finite number, or rows differ in length."""
    try:
        read = np.array(values, dtype=np.float64)
    except (OverflowError, TypeError, ValueError):
        return None
    return read if read.ndim == 2 and np.isfinite(read).all() else None


def _texts(values: Iterable[Any]) -> tuple[str, ...]:
    """Give values as texts; the same few stand in thousands of rows, and each is held once."""
    return tuple(intern(str(value)) for value in values)


def _missing(kind: str, names: Collection[str], records: Iterable[Mapping[str, Any]]) -> list[str]:
    """Name what records of a kind with these fields lack."""
    missing = [name for name in ("policy", "thresholding") if name not in names]
    if missing or kind in SUMMARIES:
        return missing
    constrained = kind == "oracle" and all(record["thresholding"] == "constrained" for record in records)
    missing = [name for name in (COSTS if constrained else (*COSTS, *NEEDED)) if name not in names]
    return missing if missing or any(metric in names for metric in METRICS) else ["every metric"]


def _joined(alike: Sequence[Alike]) -> Columns:
    """Join the columns of several sets of fields, in the order of :func:`columns_of`."""
    keys = [one.columns["exit"] if one.kind == "exit" else one.places for one in alike]
    order = np.argsort(np.concatenate(keys), kind="stable")
    joined: dict[str, Any] = {}
    for name in dict.fromkeys(chain.from_iterable(one.columns for one in alike)):
        parts = [one.columns.get(name, np.full(len(one.places), math.nan)) for one in alike]
        if all(isinstance(part, np.ndarray) for part in parts):
            joined[name] = np.concatenate(parts)[order]
        else:
            values = [value for part in parts for value in part]
            joined[name] = [values[place] for place in order]
    return joined
