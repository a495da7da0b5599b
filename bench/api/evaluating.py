"""Embeddings of one's own, scored."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from bench import registry
from bench.api.results import ScoredRun
from bench.evaluation.checks import checked
from bench.evaluation.evaluate import evaluate as evaluate_request
from bench.evaluation.request import EvaluationRequest
from bench.progress import SILENT, Reporter
from bench.spec import EvaluationSpec, SweepSpec


def evaluate(
    embeddings: str | os.PathLike[str] | Mapping[str, NDArray[Any]],
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
    under ``results`` and found there again. With policies ``all``, those that do not apply are left out, and
    ``left_out`` of the result says why. Raises BenchError for whatever is not as it should be.
    """
    held = None if isinstance(embeddings, str | os.PathLike) else checked(embeddings, about or {})
    request = EvaluationRequest(
        file=Path(embeddings) if isinstance(embeddings, str | os.PathLike) else None,
        embeddings=held,
        evaluation=EvaluationSpec(ap=ap, signals=signals),
        sweep=SweepSpec(
            policies=tuple(registry.names("policy") if policies == "all" else policies),
            thresholdings=tuple(thresholdings),
            budgets=budgets,
            a_values=tuple(a_values),
            shuffles=shuffles,
            resamples=resamples,
        ),
        leave_out=policies == "all",
        results=Path(results),
        name=name,
        dataset=dataset,
        seed=seed,
        fresh=fresh,
    )
    result = evaluate_request(request, reporter)
    return ScoredRun.of(result.folder, result.header, result.records)
