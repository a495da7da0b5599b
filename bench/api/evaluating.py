"""Embeddings of one's own, scored."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from numpy.typing import ArrayLike

from bench import registry
from bench.api import arguments
from bench.api.results import ScoredRun
from bench.errors import BenchError
from bench.evaluation.checks import checked
from bench.evaluation.evaluate import evaluate as evaluate_request
from bench.evaluation.request import EvaluationRequest
from bench.progress import SILENT, Reporter
from bench.spec import EvaluationSpec


def evaluate(
    embeddings: str | os.PathLike[str] | Mapping[str, ArrayLike],
    about: Mapping[str, Any] | None = None,
    *,
    policies: Literal["all"] | Sequence[str] = "all",
    thresholdings: Sequence[str] = ("stream", "exact"),
    budgets: int = 21,
    a_values: Sequence[float] = (),
    shuffles: int = 10,
    resamples: int = 1000,
    ap: Literal["step", "trapezoid"] = "step",
    signals: Literal["deployed", "protocol"] = "deployed",
    name: str | None = None,
    dataset: str | None = None,
    seed: int | None = None,
    results: str | os.PathLike[str] = "results",
    fresh: bool = False,
    reporter: Reporter = SILENT,
) -> ScoredRun:
    """Score embeddings of every exit, of a file or as arrays by name with what ``about`` says of them.

    Names and entries are those of docs/bring-your-own.md; options are those of ``bench evaluate``. Results are kept
    under ``results`` and found there again. Without ``policies`` the exits alone are scored. With policies ``all``,
    those that do not apply are left out, and ``left_out`` of the result says why. Raises BenchError for whatever is not
    as it should be.
    """
    held = file = None
    if isinstance(embeddings, Mapping):
        held = checked(arguments.arrays(embeddings), arguments.mapping("about", about or {}))
    elif isinstance(embeddings, str | os.PathLike):
        if about is not None:
            raise BenchError(
                "a file says what it is about itself; name, dataset and seed take the place of what it says"
            )
        file = Path(embeddings)
    else:
        raise BenchError(f"embeddings are arrays by name, or the path of their file; found {type(embeddings).__name__}")
    sweep = arguments.sweep(
        registry.names("policy") if policies == "all" else policies,
        thresholdings=thresholdings,
        budgets=budgets,
        a_values=a_values,
        shuffles=shuffles,
        resamples=resamples,
    )
    request = EvaluationRequest(
        file=file,
        embeddings=held,
        evaluation=EvaluationSpec(ap=ap, signals=signals),
        sweep=sweep if sweep.policies else None,
        leave_out=policies == "all",
        results=arguments.path("results", results),
        name=None if name is None else arguments.name("name", name),
        dataset=None if dataset is None else arguments.name("dataset", dataset),
        seed=None if seed is None else arguments.whole("seed", seed),
        fresh=fresh,
    )
    result = evaluate_request(request, reporter)
    return ScoredRun.of(result.folder, result.header, result.records)
