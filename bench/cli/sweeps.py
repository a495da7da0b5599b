"""Options of a budget sweep and of an evaluation, for every command that scores something."""

from __future__ import annotations

from typing import Annotated

import typer

from bench import registry
from bench.cli.options import choice, numbers, words
from bench.cli.requests import named_or_all
from bench.data.views import Views
from bench.errors import BenchError
from bench.spec import EvaluationSpec, SweepSpec

BUDGET = "Budget sweep"
ALL = "all"
OPTIONS = {
    "--policies": "policies",
    "--thresholding": "thresholdings",
    "--cost": "cost",
    "--budgets": "budgets",
    "--a": "a_values",
    "--shuffles": "shuffles",
    "--resamples": "resamples",
}
"""Options of a sweep, and the fields that they fill."""
PoliciesOption = Annotated[str, typer.Option(rich_help_panel=BUDGET, help="Exit policies, comma-separated, or all.")]
ThresholdingOption = Annotated[
    str,
    typer.Option(
        "--thresholding",
        "--mode",
        rich_help_panel=BUDGET,
        help="How thresholds are set, comma-separated (bench list thresholdings).",
    ),
]
BudgetsOption = Annotated[
    int,
    typer.Option(rich_help_panel=BUDGET, help="Budgets, in equal steps from the first exit's cost to the last's."),
]
AOption = Annotated[
    str,
    typer.Option("--a", rich_help_panel=BUDGET, help="Values of the budget parameter, comma-separated: 0.1,0.5,inf."),
]
ShufflesOption = Annotated[
    int, typer.Option(rich_help_panel=BUDGET, help="Orders of the queries to average over, where the order matters.")
]
ResamplesOption = Annotated[int, typer.Option(rich_help_panel=BUDGET, help="Resamples of the bootstrap.")]
APOption = Annotated[
    str, typer.Option(rich_help_panel=BUDGET, help="Average precision: step (area under steps) or trapezoid.")
]
SignalsOption = Annotated[
    str,
    typer.Option(rich_help_panel=BUDGET, help="What decisions look at: deployed, or protocol (leaks; papers only)."),
]


def sweep_spec(
    policies: str, thresholding: str, budgets: int, a: str, shuffles: int, resamples: int, cost: str = "macs"
) -> SweepSpec:
    """Read what is to be swept. Raises BenchError for a name that is unknown, or a number that cannot be."""
    registry.cost(cost.partition(":")[0])
    return SweepSpec(
        policies=tuple(named_or_all("--policies", policies, "policy")),
        thresholdings=_thresholdings(thresholding),
        budgets=budgets,
        a_values=numbers("--a", a) if a else (),
        shuffles=shuffles,
        cost=cost,
        resamples=resamples,
    )


def check_unused(swept: SweepSpec) -> None:
    """Look whether options of a sweep were given where none was asked for. Raises BenchError that names them."""
    plain = SweepSpec(tuple(named_or_all("--policies", ALL, "policy")))
    given = [option for option, name in OPTIONS.items() if getattr(swept, name) != getattr(plain, name)]
    if given:
        raise BenchError(f"{', '.join(given)}: of a budget sweep alone; add --budget-sweep, or leave it out")


def evaluation_spec(ap: str, signals: str, views: Views = "centre") -> EvaluationSpec:
    """Read how it is evaluated. Raises BenchError for a value that cannot be."""
    return EvaluationSpec(
        ap=choice("--ap", ap, ("step", "trapezoid")),
        signals=choice("--signals", signals, ("deployed", "protocol")),
        views=views,
    )


def _thresholdings(text: str) -> tuple[str, ...]:
    """Read thresholdings with commas; raises BenchError where one is unknown, or there is none."""
    found = tuple(registry.thresholding(name).name for name in words(text))
    if not found:
        raise BenchError(f"--thresholding takes at least one of {', '.join(registry.names('thresholding'))}")
    return found
