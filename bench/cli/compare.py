"""``bench compare``: two runs, and how their settings and their results differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from bench.cli.options import ResultsOption
from bench.cli.outcome import LEVEL, NOTHING
from bench.cli.show import RunArgument, described_code, worded
from bench.cli.terminal import OUT, amount, cost_heading, percent, printable, show_table
from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.runs.fields import FieldDifference
    from bench.runs.paired import Difference, PairedResults, Row

SMALLEST = 0.001
"""p-values below are printed as smaller than this."""
METRICS = ("mAP", "rank-1")
WIDE = 136
"""Columns of a terminal that hold both metrics beside each other."""


def compare_command(
    run_a: RunArgument,
    run_b: RunArgument,
    results: ResultsOption = Path("results"),
    spec: Annotated[bool, typer.Option("--spec", help="Only what differs in the spec, whatever the data.")] = False,
) -> None:
    """Compare two runs: what differs in the spec, then exits and policies, tested on the same queries."""
    # Here, not at the top: help should not wait for pandas and scipy.
    from bench.runs.fields import spec_differences
    from bench.runs.finding import find_run, read_run

    first, second = (read_run(find_run(results, run)) for run in (run_a, run_b))
    if first.folder.path.resolve() == second.folder.path.resolve():
        OUT.print(f"both are the same run, {escape(first.name)}: there is nothing to compare", soft_wrap=True)
        return
    for letter, run in (("A", first), ("B", second)):
        OUT.print(f"[bold]{letter}[/bold]  {escape(printable(run.folder.path))}", soft_wrap=True)
    OUT.print()
    _show_spec(spec_differences(first.spec, second.spec))
    trained = [(run.training or {}).get("provenance") or {} for run in (first, second)]
    if all(trained):
        _show_apart("trained", *map(_origin, trained))

    from bench.runs.paired import comparable, pair_results

    try:
        chosen = comparable(first, second)
    except BenchError as problem:
        if not spec:
            raise BenchError(f"results are not compared: {problem} (--spec: the spec's differences alone)") from problem
        OUT.print(f"results are not compared: {escape(str(problem))}", soft_wrap=True)
        return
    _show_apart("scored", *(_origin(scored.shown.header["provenance"]) for scored in chosen))
    if chosen[0].evaluation != chosen[1].evaluation:
        _show_apart("evaluated", *(scored.evaluation for scored in chosen))
    if not spec:
        _show_results(pair_results(first, second))


def _show_spec(differences: Sequence[FieldDifference]) -> None:
    if not differences:
        OUT.print("Both are the same run: every field of their specs is equal.")
        return
    rows = [[one.name, worded(one.first), worded(one.second)] for one in differences]
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
    from bench.runs.paired import EVERYTHING

    tested = EVERYTHING not in found.untested
    # A narrow terminal gets a table for each metric.
    for metrics in [METRICS] if OUT.width >= WIDE else [(metric,) for metric in METRICS]:
        costs = [[amount(cost, found.cost) for cost in row.costs or ()] for row in found.exits]
        cells = [_cells(row, metrics, tested) for row in found.exits]
        rows = [[_name(row), *cost, *cell] for row, cost, cell in zip(found.exits, costs, cells, strict=True)]
        OUT.print()
        show_table(
            "Exits",
            ["exit", *(f"{cost_heading(found.cost)} {side}" for side in "AB"), *_columns(metrics, tested)],
            rows,
        )
        if found.policies:
            rows = [[_name(row), *_cells(row, metrics, tested)] for row in found.policies]
            OUT.print()
            show_table(f"Policies, thresholding {found.thresholding}", ["policy", *_columns(metrics, tested)], rows)
    for line in _remarks(found):
        OUT.print(escape(printable(line)), soft_wrap=True)
    for metric in METRICS if tested else ():
        OUT.print(f"[bold]{metric}[/bold]: {escape(_verdict(found, metric))}", soft_wrap=True)


def _columns(metrics: Sequence[str], tested: bool) -> list[str]:
    """Name the columns of metrics: both values, their difference, its test."""
    each = ["B", "B − A [95 %]", "p"] if tested else ["B", "B − A"]
    return [name for metric in metrics for name in (f"{metric} A", *each)]


def _cells(row: Row, metrics: Sequence[str], tested: bool) -> list[str]:
    return [cell for metric in metrics for cell in _difference(row.metrics[metric], tested)]


def _difference(found: Difference, tested: bool) -> list[str]:
    cells = [percent(found.first), percent(found.second), f"{100 * found.lead:+.1f}"]
    if not tested:
        return cells
    if found.low is None or found.high is None or found.p_holm is None:
        return [*cells, NOTHING]
    cells[2] += f" [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"
    return [*cells, f"<{SMALLEST}" if found.p_holm < SMALLEST else f"{found.p_holm:.3f}"]


def _name(row: Row) -> str:
    return row.names[0] if row.names[0] == row.names[1] else " | ".join(row.names)


def _remarks(found: PairedResults) -> Iterable[str]:
    """Say how to read the numbers, what was not tested or not compared, why, and what would change that."""
    from bench.runs.paired import EVERYTHING

    yield "Values in percent, B − A in points."
    if found.policies and found.budgets:
        low, high = (amount(budget, found.cost) for budget in found.budgets)
        spanned = f"{low} to {high} {cost_heading(found.cost)}"
        yield f"Policies: means over the budgets that both runs' exits span, {spanned}, at realised cost."
    if EVERYTHING not in found.untested:
        yield (
            "Brackets and p: paired over the same test people, redrawn together; p after Holm's correction for "
            f"{found.tests} comparisons of each metric. They do not cover the choice of training seed."
        )
    else:
        yield (
            f"Not tested: {found.untested[EVERYTHING]}. The bench run that made a run makes its tables again, and "
            "trains again where the weights are not kept; bench show has its command."
        )
    for what, reasons in (("not tested", found.untested), ("left out", found.left_out)):
        by_reason: dict[str, list[str]] = {}
        for name, reason in reasons.items():
            if name != EVERYTHING:
                by_reason.setdefault(reason, []).append(name)
        yield from (f"{', '.join(names)} {what}: {reason}." for reason, names in by_reason.items())
    if not found.policies:
        yield f"No policies are compared: {_why_no_policies(found)}."


def _why_no_policies(found: PairedResults) -> str:
    if found.left_out:
        return "none is left"
    if found.budgets is None:
        return "a run has one exit, or their exits' costs do not overlap"
    return "none was swept in both runs in the same thresholding (bench run with --budget-sweep)"


def _verdict(found: PairedResults, metric: str) -> str:
    """Name where either run is ahead by more than noise."""
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
