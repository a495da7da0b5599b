"""``bench list``: what is registered, and what the papers report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape

from bench import registry
from bench.cli.terminal import ERR, show_table, show_values
from bench.counts import NOTHING
from bench.errors import BenchError
from bench.findings.reported import papers
from bench.findings.reported.values import STAGES, Accuracy, BudgetPoint, CodeLength, Reported, SearchTime, Source
from bench.registry import Kind
from bench.report import kinds

STANDS = {
    "report": "all data together",
    "section": "each dataset and evaluation",
    "setup": "each method, preset and settings",
}
"""What there is a figure or table of, by :attr:`bench.report.kinds.Kind.of`."""


class Listing(StrEnum):
    """What can be listed."""

    METHODS = "methods"
    DATASETS = "datasets"
    POLICIES = "policies"
    THRESHOLDINGS = "thresholdings"
    COSTS = "costs"
    BACKENDS = "backends"
    ENCODERS = "encoders"
    FIGURES = "figures"
    TABLES = "tables"
    REPORTED = "reported"


KINDS: dict[Listing, Kind] = {
    Listing.METHODS: "method",
    Listing.DATASETS: "dataset",
    Listing.POLICIES: "policy",
    Listing.THRESHOLDINGS: "thresholding",
    Listing.COSTS: "cost",
    Listing.BACKENDS: "backend",
}
"""What is listed when nothing is named, with its kind in the registry; naming encoders needs PyTorch."""


def list_command(
    what: Annotated[
        Listing | None,
        typer.Argument(
            help="Only these; figures, tables: of the report; reported: the numbers of the papers.",
            show_default="methods to backends",
        ),
    ] = None,
) -> None:
    """List what is installed, kind by kind, or the numbers that the papers report."""
    if what is Listing.REPORTED:
        _show_reported()
        return
    if what is Listing.ENCODERS:
        _show_encoders()
        return
    if what in (Listing.FIGURES, Listing.TABLES):
        _show_drawn(what)
        return
    for listing, kind in KINDS.items():
        if what not in (None, listing):
            continue
        rows = []
        for name in registry.names(kind):
            value = _loaded(kind, name)
            if value is None:
                continue
            row = [name, value.summary]
            if kind == "method":
                row += [", ".join(value.groups), ", ".join(value.presets)]
            rows.append(row)
            rows += [[f"{name}:{part}", read.summary] for part, read in getattr(value, "readings", {}).items()]
        columns = ["name", "what it is", *(["groups", "presets"] if kind == "method" else [])]
        show_table(listing.value, columns, rows, texts=columns[1:])


def _loaded(kind: Kind, name: str) -> Any:
    """Load a plug-in; None, with a remark, where it is broken: the others are listed."""
    try:
        return registry.load(kind, name)
    except BenchError as problem:
        ERR.print(f"[yellow]remark:[/yellow] {escape(str(problem))}", soft_wrap=True)
        return None


def _show_encoders() -> None:
    """Print every family of encoders with what ``--backbone`` takes."""
    rows = []
    for name in registry.names("encoder"):
        family = _loaded("encoder", name)
        if family is None:
            continue
        rows.append([name, ", ".join([*family.names, *([f"{family.prefix}NAME"] if family.prefix else [])])])
    show_table("encoders", ["family", "--backbone"], rows, texts=["--backbone"])


def _show_drawn(what: Listing) -> None:
    """Print the kinds of figures or tables of a report, those of other packages too, and remarks on broken ones."""
    rows = [
        [kind.name, STANDS[kind.of], kind.make]
        for kind in (kinds.figures() if what is Listing.FIGURES else kinds.tables())
    ]
    show_table(what.value, ["name", "one for", "made by"], rows, texts=["one for", "made by"])
    for remark in kinds.broken_kinds():
        ERR.print(f"[yellow]remark:[/yellow] {escape(remark)}", soft_wrap=True)


def _show_reported() -> None:
    """Print every table of the papers, part by part; a method without exits stands under the last stage."""
    parts: dict[tuple[Source, str, str, str, str], list[Accuracy]] = {}
    for row in papers.accuracies():
        parts.setdefault((row.source, row.place, row.group, row.dataset, row.queries), []).append(row)
    for (source, place, group, dataset, queries), rows in parts.items():
        where = ", ".join(filter(None, (source.name, place, group)))
        how = f", {queries} images a query" if queries else ""
        _show_accuracies(f"{where}: rank-1 and mAP on {dataset}{how} (%)", rows)
    _show_code_lengths(papers.code_lengths())
    _show_search_times(papers.search_times())
    for policy in dict.fromkeys(point.policy for point in papers.budget_points()):
        _show_budgets([point for point in papers.budget_points() if point.policy == policy])
    show_values(
        "What holds for all of a source", {source.address: source.notes for source in papers.sources().values()}
    )


def _show_accuracies(title: str, rows: Sequence[Accuracy]) -> None:
    stages = [stage for stage in range(STAGES) if any(row.rank_1[stage] is not None for row in rows)]
    about = {
        "method": [row.printed for row in rows],
        "here": [row.method for row in rows],
        "recipe": [row.recipe for row in rows],
        "codes": [" ".join([row.kind, *map(str, row.lengths)]).strip() for row in rows],
    }
    numbers: dict[str, list[object]] = {f"S{stage + 1}": [row.rank_1[stage] for row in rows] for stage in stages}
    numbers["mAP"] = [row.mean_average_precision for row in rows]
    costs = {"cost (M)": [row.cost.millions() if row.cost else "" for row in rows]}
    costs["parameters (M)"] = [f"{row.parameters.sign}{row.parameters.value}" if row.parameters else "" for row in rows]
    # What no row of a table has is no column of it.
    shown = {name: values for name, values in (about | numbers | costs).items() if any(values)}
    cells = [
        [NOTHING if value in (None, "") else str(value) for value in row] for row in zip(*shown.values(), strict=True)
    ]
    notes = [f"{row.printed}: {row.notes}" for row in rows if row.notes]
    show_table(title, list(shown), cells, _caption(rows, notes), texts=[name for name in about if name in shown][1:])


def _show_code_lengths(rows: Sequence[CodeLength]) -> None:
    columns = ["bits", "rank-1 (%)", "mAP (%)", "Hamming (µs)", "Euclidean (µs)", "times"]
    cells = []
    for row in rows:
        numbers = (row.rank_1, row.mean_average_precision, row.hamming_microseconds, row.euclidean_microseconds)
        cells.append([str(value) for value in (row.length, *numbers, row.ratio)])
    first = rows[0]
    title = f"{first.source.name}, {first.place}: {first.printed} (here {first.method}) on {first.dataset}"
    show_table(title, columns, cells, _caption(rows, dict.fromkeys(row.notes for row in rows)))


def _show_search_times(rows: Sequence[SearchTime]) -> None:
    cells = [[row.step, str(row.seconds)] for row in rows]
    first = rows[0]
    title = f"{first.source.name}, {first.place}: search time on {first.dataset}"
    show_table(title, ["way", "seconds"], cells, _caption(rows, dict.fromkeys(row.notes for row in rows)))


def _show_budgets(points: Sequence[BudgetPoint]) -> None:
    columns = ["budget (M)", "spent (M)", "rank-1 (%)", "mAP (%)"]
    cells = []
    for point in points:
        numbers = (point.expected_million_macs, point.resulted_million_macs, point.rank_1)
        cells.append([str(value) for value in (*numbers, point.mean_average_precision)])
    first = points[0]
    costs = [cost.macs for cost in papers.exit_costs(first.method)]
    remarks = [f"Multiply-adds of the exits: {' / '.join(f'{macs:,}' for macs in costs)}."]
    title = f"{first.source.name}, policy {first.printed_policy} (here {first.policy}) on {first.dataset}"
    show_table(title, columns, cells, _caption(points, [*dict.fromkeys(point.notes for point in points), *remarks]))


def _caption(rows: Iterable[Reported], remarks: Iterable[str]) -> str:
    """Say where the rows are printed, and what holds for some of them."""
    (source,) = {row.source for row in rows}
    places = ", ".join(dict.fromkeys(row.place for row in rows))
    return "\n".join(filter(None, [f"{source.citation}, {places}; {source.address}", *remarks]))
