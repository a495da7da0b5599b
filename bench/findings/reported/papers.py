"""Read the numbers that the papers report, with the standard library alone: listing them waits for nothing else."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

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

ACCURACIES = ("hashreid", "dare", "han", "cdnet", "bire-id")
"""The papers whose tables of accuracies are kept, a file each."""


@cache
def accuracies() -> tuple[Accuracy, ...]:
    """Every method of every table, in the order of the papers."""
    return tuple(
        Accuracy(
            **_reported(row),
            group=row["group"],
            printed=row["printed"],
            method=row["method"],
            kind=row["type"],
            lengths=tuple(int(length) for length in _parts(row["lengths"])),
            rank_1=tuple(_optional(row[f"rank_1_s{stage}"]) for stage in range(1, STAGES + 1)),
            mean_average_precision=_optional(row["mAP"]),
            queries=row["queries"],
            recipe=row["recipe"],
            cost=_amount(row["cost"]),
            parameters=_amount(row["parameters"]),
        )
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
    return tuple(
        CodeLength(
            **_reported(row),
            printed=row["printed"],
            method=row["method"],
            kind=row["type"],
            length=int(row["length"]),
            rank_1=Decimal(row["rank_1"]),
            mean_average_precision=Decimal(row["mAP"]),
            hamming_microseconds=Decimal(row["hamming_microseconds"]),
            euclidean_microseconds=Decimal(row["euclidean_microseconds"]),
            ratio=Decimal(row["ratio"]),
        )
        for row in _rows("code_lengths.csv")
    )


@cache
def search_times() -> tuple[SearchTime, ...]:
    """Search times from the slowest on."""
    return tuple(
        SearchTime(**_reported(row), step=row["step"], seconds=Decimal(row["seconds"]))
        for row in _rows("search_times.csv")
    )


@cache
def budget_points() -> tuple[BudgetPoint, ...]:
    """Accuracy over budgets, policy by policy, from the lowest budget on."""
    return tuple(
        BudgetPoint(
            **_reported(row),
            method=row["method"],
            policy=row["policy"],
            printed_policy=row["printed_policy"],
            case=int(row["case"]),
            expected_million_macs=Decimal(row["expected_million_macs"]),
            resulted_million_macs=Decimal(row["resulted_million_macs"]),
            expected_shares=tuple(Decimal(share) for share in _parts(row["expected_shares"])),
            resulted_shares=tuple(Decimal(share) for share in _parts(row["resulted_shares"])),
            rank_1=Decimal(row["rank_1"]),
            mean_average_precision=Decimal(row["mAP"]),
        )
        for row in _rows("budget_curves.csv")
    )


@cache
def exit_costs(method: str) -> tuple[ExitCost, ...]:
    """The costs at which a method's reported budgets or exits stand, from the first exit on."""
    return tuple(
        ExitCost(**_reported(row), method=row["method"], exit=int(row["exit"]), macs=int(row["macs"]))
        for row in _rows("exit_costs.csv")
        if row["method"] == method
    )


@cache
def query_sets() -> tuple[QuerySet, ...]:
    """The queries of every dataset that has reported numbers."""
    return tuple(QuerySet(**_reported(row), query_images=int(row["query_images"])) for row in _rows("query_sets.csv"))


@cache
def sources() -> Mapping[str, Source]:
    """Every source, by the key that the files name it with."""
    return {
        row["source"]: Source(name=row["name"], citation=row["citation"], address=row["address"], notes=row["notes"])
        for row in _rows("sources.csv")
    }


def _rows(name: str) -> list[dict[str, str]]:
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _reported(row: Mapping[str, str]) -> dict[str, Any]:
    about = {name: row[name] for name in ("dataset", "place", "notes")}
    return {**about, "source": sources()[row["source"]]}


def _parts(text: str) -> list[str]:
    return text.split("/") if text else []


def _amount(text: str) -> Amount | None:
    return Amount.parse(text) if text else None


def _optional(text: str) -> Decimal | None:
    return Decimal(text) if text else None
