"""``bench choose``: what to deploy within a budget, or for a loss; chosen on held-out people, then tested."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from bench.cli.options import ResultsOption
from bench.cli.requests import named_or_all
from bench.cli.terminal import ERR, OUT, amount, cost_heading, in_results, percent, printable, show_table
from bench.counts import count_of
from bench.errors import BenchError
from bench.runs.few_people import FEW

SUFFIXES = {"k": 1e3, "m": 1e6, "g": 1e9}
"""Ends of a budget: 60M is 60e6."""


def choose_command(
    runs: Annotated[
        str, typer.Argument(help="Runs to choose among: names or patterns with commas ('*seed0*'); default: all.")
    ] = "*",
    budget: Annotated[
        str, typer.Option(help="What a query may cost on average, in the unit of --cost: 60e6, or 60M.")
    ] = "",
    loss: Annotated[
        float | None,
        typer.Option(help="Points of the metric that may be lost against the most accurate last exit; the cheapest."),
    ] = None,
    metric: Annotated[str, typer.Option(help="mAP, mINP, rank-1, rank-5 or rank-10.")] = "mAP",
    confidence: Annotated[float | None, typer.Option(help="Of the loss, in per cent.", show_default="95")] = None,
    policies: Annotated[str, typer.Option(help="Exit policies, comma-separated, or all.")] = "gs",
    cost: Annotated[
        str, typer.Option(help="What budgets are in (bench list costs): results with it are read.")
    ] = "macs",
    budgets: Annotated[int, typer.Option(help="Budgets of each policy, in equal steps.")] = 21,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
    results: ResultsOption = Path("results"),
) -> None:
    """Choose what to deploy: the most accurate within a budget, or the cheapest that loses little.

    The choice is made on the people held out of training: a policy and its budget, or everybody at one exit. The test
    queries are scored afterwards, and say what it came to.
    """
    if confidence is not None and loss is None:
        raise BenchError("--confidence is that of a --loss; leave it out, or give both")
    # Here, not at the top: help should not wait for pandas.
    from bench.runs.candidates import ChoiceRequest, candidates_of
    from bench.runs.choosing import choose
    from bench.runs.finding import find_runs, read_run

    request = ChoiceRequest(
        policies=tuple(named_or_all("--policies", policies, "policy")),
        budget=_budget(budget) if budget else None,
        loss=None if loss is None else loss / 100,
        metric=metric,
        confidence=0.95 if confidence is None else confidence / 100,
        cost=cost,
        budgets=budgets,
    )
    kept = [read_run(folder) for folder in find_runs(results, runs)]
    for run in kept:
        remarks = run.remarks if run.scored else (*run.remarks, "left out, for it has no results yet")
        for remark in remarks:
            ERR.print(f"[yellow]remark:[/yellow] {escape(printable(f'{run.name}: {remark}'))}", soft_wrap=True)
    kept = [run for run in kept if run.scored]
    if not kept:
        raise BenchError(f"there is nothing to choose among under {results}: no run that is meant has results yet")
    found = choose(candidates_of(kept, request), request)
    for name, reasons in found["left_out"].items():
        for policy, reason in reasons.items():
            ERR.print(f"[dim]{escape(printable(f'{name}: {policy} left out: {reason}'))}[/dim]", soft_wrap=True)
    if as_json:
        typer.echo(json.dumps(found, indent=1, allow_nan=False))
        return
    _show(found, in_results(results))


def _budget(text: str) -> float:
    """Read a budget. Raises BenchError where it is no number."""
    number, factor = text.strip().lower(), 1.0
    if number[-1:] in SUFFIXES:
        number, factor = number[:-1], SUFFIXES[number[-1:]]
    try:
        return float(number) * factor
    except ValueError:
        raise BenchError(f"--budget takes a number, as 60e6 or 60M, found {text!r}") from None


def _show(found: Mapping[str, Any], where: str) -> None:
    asked, cost = found["asked"], found["cost"]
    for_loss, metric, unit = asked["loss"] is not None, asked["metric"], cost_heading(cost)
    held_out, tested = (
        f"{count_of(found[name]['queries'], 'query')} of {found[name]['people']:,} people"
        for name in ("held_out", "test")
    )
    rows = [_row(row, cost, bounded=for_loss) for row in found["rows"]]
    if for_loss:
        title = f"The cheapest that loses at most {_points(asked['loss'])} of {metric}"
        against = found["reference"]
        about = (
            f"Lost against everybody at the last exit of {against['run']} "
            f"({amount(against['held_out']['cost'], cost)} {unit}; {metric} {percent(against['held_out']['score'])} % "
            f"of held-out people, {percent(against['test']['score'])} % of test people). After ≤: what is lost at "
            f"most, with {100 * asked['confidence']:g} % confidence{_over_all(found['curves'])}."
        )
    else:
        title = f"The most accurate within {amount(asked['budget'], cost)} {unit}"
        about = f"The best of each run, of {count_of(found['points'], 'operating point')}; the first is the choice."
    behind = "lost" if for_loss else "behind"
    show_table(
        title,
        ["run", "how", unit, metric, behind, f"test {unit}", f"test {metric}", f"test {behind}"],
        rows,
        f"{about} Chosen on {held_out}, decided on by what was fitted to others of them; then tested on {tested}. "
        f"{metric} in per cent, {'losses' if for_loss else 'differences'} in points; brackets: 95 % intervals over "
        "people.",
        texts=["how"],
    )
    for line in _conclusions(found, where):
        OUT.print(escape(printable(line)), soft_wrap=True)


def _row(row: Mapping[str, Any], cost: Mapping[str, Any], *, bounded: bool) -> list[str]:
    held_out, test = row["held_out"], row["test"]
    return [
        row["run"],
        _how(row),
        amount(held_out["cost"], cost),
        percent(held_out["score"]),
        _bounded(held_out) if bounded else _behind(held_out),
        amount(test["cost"], cost),
        percent(test["score"]),
        _behind(test),
    ]


def _how(row: Mapping[str, Any]) -> str:
    return f"everybody at {row['exit']}" if row["policy"] is None else f"{row['policy']}, a = {row['a']:.4g}"


def _behind(told: Mapping[str, Any]) -> str:
    low, value, high = (f"{100 * told[name]:.1f}" for name in ("behind_low", "behind", "behind_high"))
    # What is compared with itself has no interval.
    return value if told["behind_low"] == told["behind_high"] else f"{value} [{low}, {high}]"


def _over_all(curves: int) -> str:
    return f" over all {curves:,} curves" if curves > 1 else ""


def _points(share: float) -> str:
    return f"{100 * share:g} point{'' if round(100 * share, 9) == 1 else 's'}"


def _bounded(told: Mapping[str, Any]) -> str:
    return f"{100 * told['behind']:.1f} ≤ {100 * told['behind_bound']:.1f}"


def _conclusions(found: Mapping[str, Any], where: str) -> Iterator[str]:
    """Say what is to be run, what the test queries make of the choice, and which runs have nothing to offer.

    ``where`` is the option that names the results folder; empty where it is the usual one.
    """
    asked, chosen = found["asked"], found["rows"][0]
    yield f"Choice: {_how(chosen)}, of {chosen['run']}."
    test = chosen["test"]
    if asked["loss"] is None:
        over = test["cost"] / asked["budget"] - 1
        if over > 0:
            yield f"On the test queries it costs {100 * over:.1f} % more than the budget: other people set thresholds."
        ahead = min(found["rows"], key=lambda row: row["test"]["behind"])
        if ahead["test"]["behind"] < 0:
            yield (
                f"On the test queries {_how(ahead)} of {ahead['run']} is ahead of it by "
                f"{-100 * ahead['test']['behind']:.1f} points "
                f"[{-100 * ahead['test']['behind_high']:.1f}, {-100 * ahead['test']['behind_low']:.1f}]."
            )
        elif len(found["rows"]) > 1:
            yield "On the test queries no other row is ahead of it."
    else:
        kept = "within" if test["behind"] <= asked["loss"] else "beyond"
        saved = 1 - test["cost"] / found["reference"]["test"]["cost"]
        yield (
            f"On the test queries it loses {_behind(test)} points, {kept} the {100 * asked['loss']:g} allowed, and "
            f"saves {percent(saved)} % of what the reference costs."
        )
        people = found["held_out"]["people"]
        if people < FEW:
            yield f"Only {people} held-out people: a bound on a loss of so few is rough (docs/choosing.md)."
    if found["without"]:
        wanted = "within the budget" if asked["loss"] is None else "known to lose no more than is allowed"
        yield f"Nothing of {', '.join(found['without'])} is {wanted}."
    if chosen["policy"] is not None and chosen["has_network"]:
        yield f"Run it: bench infer {chosen['run']} --policy {chosen['policy']} --a {chosen['a']!r}{where}"
