"""Read the numbers that the papers report, with the standard library alone: listing them waits for nothing else."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

from bench.findings.reported.values import (
    STAGES,
    Accuracy,
    Amount,
    BudgetPoint,
    CodeLength,
    ExitCost,
    QuerySet,
    SearchTime,
    Source,
    StaticPoint,
)

Made = TypeVar("Made")
ACCURACIES = ("hashreid", "dare", "han", "cdnet", "bire-id")
"""The papers whose tables of accuracies are kept, a file each."""
HEADINGS = {"kind": "type", "mean_average_precision": "mAP"}
"""Columns of values whose names say more."""


@cache
def accuracies() -> tuple[Accuracy, ...]:
    """Every method of every table, in the order of the papers."""
    return tuple(
        _value(Accuracy, row, rank_1=tuple(_rank_1(row, stage) for stage in range(1, STAGES + 1)))
        for paper in ACCURACIES
        for row in _rows(f"accuracies/{paper}.csv")
    )


@cache
def static_points() -> tuple[StaticPoint, ...]:
    """Networks without exits whose cost is printed or was counted, from the cheapest of each dataset on."""
    known = {(row.source, row.where): row for row in accuracies()}
    points = []
    for row in _rows("static_points.csv"):
        accuracy = known[sources()[row["source"]], (row["dataset"], "", row["place"], row["printed"], row["recipe"])]
        printed = accuracy.cost
        counted = row["counted"] or f"{accuracy.source.name}, {accuracy.place}"
        macs = int(row["macs"]) if row["macs"] else int(printed.value) if printed else 0
        points.append(StaticPoint(row["label"], row["family"], accuracy, macs, counted))
    return tuple(sorted(points, key=lambda point: (point.accuracy.dataset, point.macs)))


@cache
def code_lengths() -> tuple[CodeLength, ...]:
    """Accuracy and comparison time by code length, from the shortest on."""
    return _values(CodeLength, "code_lengths.csv")


@cache
def search_times() -> tuple[SearchTime, ...]:
    """Search times from the slowest on."""
    return _values(SearchTime, "search_times.csv")


@cache
def budget_points() -> tuple[BudgetPoint, ...]:
    """Accuracy over budgets, policy by policy, from the lowest budget on."""
    return _values(BudgetPoint, "budget_curves.csv")


@cache
def exit_costs(method: str) -> tuple[ExitCost, ...]:
    """The costs at which a method's reported budgets or exits stand, from the first exit on."""
    return tuple(cost for cost in _values(ExitCost, "exit_costs.csv") if cost.method == method)


@cache
def query_sets() -> tuple[QuerySet, ...]:
    """The queries of every dataset that has reported numbers."""
    return _values(QuerySet, "query_sets.csv")


@cache
def sources() -> Mapping[str, Source]:
    """Every source, by the key that the files name it with."""
    return {row["source"]: _value(Source, row) for row in _rows("sources.csv")}


READ: Mapping[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "Decimal": Decimal,
    "Decimal | None": lambda text: Decimal(text) if text else None,
    "Amount | None": lambda text: Amount.parse(text) if text else None,
    "tuple[int, ...]": lambda text: tuple(int(part) for part in text.split("/") if part),
    "tuple[Decimal, ...]": lambda text: tuple(Decimal(part) for part in text.split("/") if part),
    "Source": lambda key: sources()[key],
}
"""How a cell is read, by the type of the value."""


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines())


def _values(made: type[Made], name: str) -> tuple[Made, ...]:
    return tuple(_value(made, row) for row in _rows(name))


def _value(made: type[Made], row: Mapping[str, str], **known: Any) -> Made:
    """Read each field from the column of its name, but for those that are ``known``."""
    unknown = [field for field in fields(made) if field.name not in known]  # type: ignore[arg-type]
    read = {field.name: READ[str(field.type)](row[HEADINGS.get(field.name, field.name)]) for field in unknown}
    return made(**read, **known)


def _rank_1(row: Mapping[str, str], stage: int) -> Decimal | None:
    return READ["Decimal | None"](row[f"rank_1_s{stage}"])
