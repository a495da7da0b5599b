"""Records laid flat and checked: one row of a table for each record, every number finite."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from sys import intern
from typing import Any, TypeAlias

import numpy as np

from bench.budget.query_scores import METRICS

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


def flat_rows(records: Sequence[Mapping[str, Any]], exits: Sequence[str]) -> list[dict[str, Any]]:
    """Lay the records of one file flat, a row each; ``exits`` are the names of its exits.

    Raises ValueError, KeyError or TypeError where they are no records of this suite.
    """
    return rows_of(laid_flat_together(records, exits))


def rows_of(alike: Iterable[Alike]) -> list[dict[str, Any]]:
    """Give the records of one file as rows, in their order."""
    return [row for _, row in sorted(chain.from_iterable(one.rows() for one in alike), key=itemgetter(0))]


def columns_of(alike: Iterable[Alike]) -> dict[str, Columns]:
    """Give the records of one file as columns, for each kind; NaN where a record has no value."""
    by_kind: dict[str, list[Alike]] = {}
    for one in alike:
        by_kind.setdefault(one.kind, []).append(one)
    return {kind: own[0].columns if len(own) == 1 else _joined(own) for kind, own in by_kind.items()}


def laid_flat_together(records: Sequence[Mapping[str, Any]], exits: Sequence[str]) -> list[Alike]:
    """Lay the records of one file flat, those with the same fields at once: thousands have the same few sets of them.

    ``exits`` are the names of the file's exits. Raises ValueError, KeyError or TypeError where they are no records of
    this suite.
    """
    places: dict[tuple[str, ...], list[int]] = {}
    for place, record in enumerate(records):
        places.setdefault((str(record["kind"]), *record), []).append(place)
    alike = [
        part
        for (kind, *_), own in places.items()
        for part in _laid_flat(kind, own, [records[place] for place in own], exits)
    ]
    found = [index for one in alike if one.kind == "exit" for index in one.columns["exit"]]
    if sorted(found) != list(range(len(exits))) or not exits:
        raise ValueError(f"not one record for each of {len(exits)} exits")
    return alike


def _laid_flat(
    kind: str, places: Sequence[int], records: Sequence[Mapping[str, Any]], exits: Sequence[str]
) -> list[Alike]:
    columns = _columns_at_once(records, exits)
    if columns is not None:
        return [Alike(kind, places, columns)]
    parts: dict[tuple[str, ...], list[tuple[int, dict[str, Any]]]] = {}
    for place, record in zip(places, records, strict=True):
        row = _row(record, exits)
        parts.setdefault(tuple(row), []).append((place, row))
    return [Alike(kind, [place for place, _ in part], in_columns([row for _, row in part])) for part in parts.values()]


def _columns_at_once(records: Sequence[Mapping[str, Any]], exits: Sequence[str]) -> Columns | None:
    """Lay records of one kind with the same fields flat as :func:`_row` does each.

    None where one holds something else than finite numbers: who looks at each finds out what.
    """
    first = _row(records[0], exits)
    names = tuple(records[0])
    fields = dict(zip(names, zip(*map(itemgetter(*names), records), strict=True), strict=True))
    numbers = _numbers_among(names)
    fractions = fields.get("exit_fractions", ())
    try:
        read = np.array([fields[name] for name in numbers], dtype=np.float64)
        shares = np.array(fractions, dtype=np.float64)
        a = np.array([math.nan if value is None else float(value) for value in fields.get("a", (None,) * len(records))])
    except (OverflowError, TypeError, ValueError):
        return None
    taken = [name for name in first if name.startswith("exit_fraction_")]
    shapes = read.shape == (len(numbers), len(records)), shares.size == len(taken) * len(records)
    if not (all(shapes) and np.isfinite(read).all() and np.isfinite(shares).all()):
        return None
    columns: dict[str, Any] = {name: (value,) * len(records) for name, value in first.items()}
    columns |= {
        name: tuple(intern(str(value)) for value in fields[name])
        for name in ("policy", "thresholding", *TEXTS)
        if name in fields
    }
    columns["a"] = a
    if "exit" in fields:
        columns["exit"] = tuple(math.nan if value is None else int(value) for value in fields["exit"])
        columns["exit_name"] = tuple("" if value is None else exits[int(value)] for value in fields["exit"])
    else:
        columns["exit"] = np.full(len(records), math.nan)
    columns |= dict(zip(taken, shares.T, strict=True)) if taken else {}
    return columns | dict(zip(numbers, read, strict=True))


def _joined(alike: Sequence[Alike]) -> Columns:
    """Join the columns of several sets of fields, in the order of the file."""
    order = np.argsort(np.concatenate([one.places for one in alike]))
    joined: dict[str, Any] = {}
    for name in dict.fromkeys(chain.from_iterable(one.columns for one in alike)):
        parts = [one.columns.get(name, np.full(len(one.places), math.nan)) for one in alike]
        if all(isinstance(part, np.ndarray) for part in parts):
            joined[name] = np.concatenate(parts)[order]
        else:
            values = [value for part in parts for value in part]
            joined[name] = [values[place] for place in order]
    return joined


def in_columns(rows: Sequence[Mapping[str, Any]]) -> Columns:
    """Turn rows into columns, in the order in which their names first come; NaN where a row has no value."""
    names = tuple(dict.fromkeys(chain.from_iterable(rows)))
    if len(names) > 1 and all(len(row) == len(names) for row in rows):
        return dict(zip(names, zip(*map(itemgetter(*names), rows), strict=True), strict=True))
    return {name: [row.get(name, math.nan) for row in rows] for name in names}


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
