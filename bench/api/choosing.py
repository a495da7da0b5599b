"""What to deploy, chosen among runs on held-out people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bench.api import arguments
from bench.api.results import LoadedRuns, ScoredRun
from bench.errors import BenchError
from bench.runs.candidates import ChoiceRequest, candidates_of
from bench.runs.choosing import choose as choose_among
from bench.runs.finding import read_run
from bench.runs.folder import RunFolder


def choose(
    runs: LoadedRuns | Iterable[ScoredRun],
    *,
    budget: float | None = None,
    loss: float | None = None,
    metric: str = "mAP",
    confidence: float = 0.95,
    policies: Sequence[str] = ("gs",),
    cost: str = "macs",
    budgets: int = 21,
) -> dict[str, Any]:
    """Choose the most accurate operating point within a budget, or the cheapest that loses little: ``bench choose``.

    ``runs`` have their folders and exit tables, as those of ``bench.load_runs``; ``loss`` and ``confidence`` are shares
    from 0 to 1. Gives what ``--json`` prints: the rows, the choice first, each on held-out and on test people. Raises
    BenchError where nothing can be chosen.
    """
    found = list(runs.runs if isinstance(runs, LoadedRuns) else runs if isinstance(runs, Iterable) else [runs])
    if not found or not all(isinstance(one, ScoredRun) for one in found):
        raise BenchError("a choice is among runs, as those of bench.load_runs; found none, or something else")
    request = ChoiceRequest(
        policies=arguments.names("policies", policies),
        budget=None if budget is None else arguments.number("budget", budget),
        loss=None if loss is None else arguments.number("loss", loss),
        metric=arguments.name("metric", metric),
        confidence=arguments.number("confidence", confidence),
        cost=arguments.name("cost", cost),
        budgets=arguments.whole("budgets", budgets),
    )
    # A run that was evaluated in several ways is there once for each.
    folders = dict.fromkeys(one.folder for one in found)
    return choose_among(candidates_of([read_run(RunFolder(folder)) for folder in folders], request), request)
