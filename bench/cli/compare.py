"""``bench compare``: two runs, or all seeds of two setups, and how their settings and their results differ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from bench.cli.options import ResultsOption
from bench.cli.outcome import LEVEL
from bench.cli.show import described_code, worded
from bench.cli.terminal import ERR, OUT, amount, cost_heading, percent, printable, show_table
from bench.counts import NOTHING
from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.runs.fields import FieldDifference
    from bench.runs.paired import Difference, PairedResults, Row

SideArgument = Annotated[
    str,
    typer.Argument(
        help="A run, or all seeds of a setup: part of a name (hashreid-demo), a pattern ('hashreid-demo-seed*'), or "
        "several names, comma-separated."
    ),
]
SMALLEST = 0.001
"""p-values below are printed as smaller than this."""
METRICS = ("mAP", "rank-1")
FEWEST_SEEDS = 2
"""Seeds of a side with which the choice of seeds is covered, and badly (docs/evaluation.md)."""
WIDE = 136
"""Columns of a terminal that hold both metrics beside each other."""


def compare_command(
    side_a: SideArgument,
    side_b: SideArgument,
    results: ResultsOption = Path("results"),
    spec: Annotated[bool, typer.Option("--spec", help="Only what differs in the spec, whatever the data.")] = False,
) -> None:
    """Compare two runs, or two setups over their seeds: what differs in the spec, then exits and policies, tested."""
    # Here, not at the top: help should not wait for pandas and scipy.
    from bench.runs.comparable import check_sides, comparable
    from bench.runs.fields import spec_differences
    from bench.runs.finding import find_runs, read_run

    folders = [find_runs(results, side) for side in (side_a, side_b)]
    if {folder.path.resolve() for folder in folders[0]} == {folder.path.resolve() for folder in folders[1]}:
        names = ", ".join(folder.path.name for folder in folders[0])
        same = "both are the same run" if len(folders[0]) == 1 else "both are the same runs"
        OUT.print(f"{same}, {escape(names)}: there is nothing to compare", soft_wrap=True)
        return
    first, second = ([read_run(folder) for folder in side] for side in folders)
    for letter, side in (("A", first), ("B", second)):
        for run in side:
            which = f"{letter}, {run.name}" if len(side) > 1 else letter
            for remark in run.remarks:
                ERR.print(f"[yellow]remark:[/yellow] {escape(printable(f'{which}: {remark}'))}", soft_wrap=True)
    check_sides(first, second)
    for letter, side in (("A", first), ("B", second)):
        for run in side:
            OUT.print(f"[bold]{letter}[/bold]  {escape(printable(run.folder.path))}", soft_wrap=True)
    OUT.print()
    apart = spec_differences(first[0].spec, second[0].spec)
    # Of several seeds, both sides have the same.
    _show_spec(apart if len(first) == 1 else [one for one in apart if one.name != "seed"])
    trained = [[(run.training or {}).get("provenance") or {} for run in side] for side in (first, second)]
    if all(all(side) for side in trained):
        _show_apart("trained", *(_together(map(_origin, side)) for side in trained))

    from bench.runs.paired import pair_results

    try:
        chosen = comparable(*first, *second)
    except BenchError as problem:
        if not spec:
            raise BenchError(f"results are not compared: {problem} (--spec: the spec's differences alone)") from problem
        OUT.print(f"results are not compared: {escape(str(problem))}", soft_wrap=True)
        return
    scored = chosen[: len(first)], chosen[len(first) :]
    _show_apart("scored", *(_together(_origin(run.shown.header["provenance"]) for run in side) for side in scored))
    evaluated = [_together(run.evaluation for run in side) for side in scored]
    if evaluated[0] != evaluated[1]:
        _show_apart("evaluated", *evaluated)
    if not spec:
        _show_results(pair_results(first, second))


def _together(described: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Describe several runs at once: what is not the same in all of them as all that was found."""
    listed = list(described)
    found: dict[str, Any] = {}
    for name in dict.fromkeys(name for one in listed for name in one):
        values = [one.get(name) for one in listed]
        same = all(value == values[0] for value in values)
        found[name] = values[0] if same else " and ".join(dict.fromkeys(worded(value) for value in values))
    return found


def _show_spec(differences: Sequence[FieldDifference]) -> None:
    if not differences:
        OUT.print("Both are the same run: every field of their specs is equal.")
        return
    from bench.runs.fields import told_apart

    rows = [[one.name, *map(worded, told_apart(one))] for one in differences]
    show_table("Spec", ["field", "A", "B"], rows, texts=["A", "B"])
    OUT.print("Everything else is equal.")


def _show_apart(what: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> None:
    """Say in a line where two descriptions differ."""
    from bench.runs.fields import differences

    apart = [f"{one.name} {worded(one.first)} | {worded(one.second)}" for one in differences(first, second)]
    OUT.print(f"{what}: {escape('; '.join(apart) or 'with the same code, packages and device')}", soft_wrap=True)


def _origin(provenance: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: provenance.get(name) for name in ("device", "precision", "processor", "threads", "python", "system")}
    versions = {f"{name} version": version for name, version in (provenance.get("versions") or {}).items()}
    return (
        {"commit": described_code(provenance.get("code") or {})} | plain | versions | (provenance.get("packages") or {})
    )


def _show_results(found: PairedResults) -> None:
    # A narrow terminal gets a table for each metric.
    for metrics in [METRICS] if OUT.width >= WIDE else [(metric,) for metric in METRICS]:
        costs = [[amount(cost, found.cost) for cost in row.costs or ()] for row in found.exits]
        cells = [_cells(row, metrics) for row in found.exits]
        rows = [[_name(row), *cost, *cell] for row, cost, cell in zip(found.exits, costs, cells, strict=True)]
        OUT.print()
        show_table(
            "Exits", ["exit", *(f"{cost_heading(found.cost)} {side}" for side in "AB"), *_columns(metrics)], rows
        )
        if found.policies:
            rows = [[_name(row), *_cells(row, metrics)] for row in found.policies]
            OUT.print()
            show_table(f"Policies, thresholding {found.thresholding}", ["policy", *_columns(metrics)], rows)
    for line in _remarks(found):
        OUT.print(escape(printable(line)), soft_wrap=True)
    for metric in METRICS if found.tests else ():
        OUT.print(f"[bold]{metric}[/bold]: {escape(_verdict(found, metric))}", soft_wrap=True)


def _columns(metrics: Sequence[str]) -> list[str]:
    """Name the columns of metrics: both values, their difference, its test."""
    return [name for metric in metrics for name in (f"{metric} A", "B", "B − A [95 %]", "p")]


def _cells(row: Row, metrics: Sequence[str]) -> list[str]:
    return [cell for metric in metrics for cell in _difference(row.metrics[metric])]


def _difference(found: Difference) -> list[str]:
    cells = [percent(found.first), percent(found.second), f"{100 * found.lead:+.1f}"]
    if found.tested is None or found.p_holm is None:
        return [*cells, NOTHING]
    if math.isfinite(found.tested.low):
        cells[2] += f" [{100 * found.tested.low:+.1f}, {100 * found.tested.high:+.1f}]"
    return [*cells, f"<{SMALLEST}" if found.p_holm < SMALLEST else f"{found.p_holm:.3f}"]


def _name(row: Row) -> str:
    return row.names[0] if row.names[0] == row.names[1] else " | ".join(row.names)


def _remarks(found: PairedResults) -> Iterable[str]:
    """Say how to read the numbers, what was tested how, what was not compared, and why."""
    from bench.runs.paired import EVERYTHING

    several = min(found.seeds) > 1
    yield f"Values in percent, B − A in points{', means over the seeds' if several else ''}."
    if found.policies and found.budgets:
        low, high = (amount(budget, found.cost) for budget in found.budgets)
        spanned = f"{low} to {high} {cost_heading(found.cost)}"
        yield f"Policies: means over the budgets that all runs' exits span, {spanned}, at realised cost."
    drawn = f"over test people and {found.seeds[0]} seeds of each side" if several else "over test people alone"
    yield (
        f"Brackets and p: {drawn}; p after Holm's correction for all {found.tests} differences, those of both metrics."
        + ("" if several else " They do not cover the choice of training seed: name several seeds of each side.")
    )
    if min(found.seeds) == FEWEST_SEEDS:
        yield (
            "Two seeds say little of how much seeds differ: where they differ much, brackets hold the true difference "
            "in fewer than 95 % of all cases; train a third."
        )
    for what, reasons in (
        ("tested from the recorded intervals, as if other people were drawn for each side", found.not_redrawn),
        ("left out", found.left_out),
    ):
        by_reason: dict[str, list[str]] = {}
        for name, reason in reasons.items():
            by_reason.setdefault(reason, []).append("All" if name == EVERYTHING else name)
        yield from (f"{', '.join(names)} {what}: {reason}." for reason, names in by_reason.items())
    if EVERYTHING in found.not_redrawn:
        yield "The bench run that made a run makes its tables again; bench show has its command."
    if not found.policies:
        yield f"No policies are compared: {_why_no_policies(found)}."


def _why_no_policies(found: PairedResults) -> str:
    if found.left_out:
        return "none is left"
    if found.budgets is None:
        return "a run has one exit, or their exits' costs do not overlap"
    return "none was swept in all runs in the same thresholding (bench run with --budget-sweep)"


def _verdict(found: PairedResults, metric: str) -> str:
    """Name where either side is ahead by more than noise."""
    said = []
    for letter, sign in (("A", -1), ("B", 1)):
        exits, policies = (
            [_name(row) for row in rows if _is_ahead(row.metrics[metric], sign)]
            for rows in (found.exits, found.policies)
        )
        where = [f"at {', '.join(exits)}"] if exits else []
        where += [f"under {', '.join(policies)}"] if policies else []
        said += [f"{letter} is ahead {' and '.join(where)}"] if where else []
    return f"{'; '.join(said) or 'neither is ahead'} by more than noise (p < {LEVEL})"


def _is_ahead(found: Difference, sign: int) -> bool:
    return found.p_holm is not None and found.p_holm < LEVEL and found.lead * sign > 0
