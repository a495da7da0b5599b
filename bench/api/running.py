"""A run of a registered method, from data to records."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Literal

from bench import registry
from bench.api import arguments
from bench.api.results import ScoredRun
from bench.data.cache import default_cache
from bench.data.dataset import DatasetRequest
from bench.data.views import VIEWS, Views
from bench.progress import SILENT, Reporter
from bench.running.request import RunRequest
from bench.running.run import run as run_request
from bench.spec import RECIPE_NAMES, EvaluationSpec, RecipeName


def run(
    method: str,
    *,
    dataset: str = "synthped",
    data_root: str | os.PathLike[str] | None = None,
    data: Mapping[str, object] | None = None,
    preset: str = "demo",
    recipe: RecipeName = "own",
    seed: int = 0,
    settings: Mapping[str, object] | None = None,
    policies: Literal["all"] | Sequence[str] = "all",
    thresholdings: Sequence[str] = ("stream", "exact"),
    cost: str = "macs",
    budgets: int = 21,
    a_values: Sequence[float] = (),
    shuffles: int = 10,
    resamples: int = 1000,
    ap: Literal["step", "trapezoid"] = "step",
    signals: Literal["deployed", "protocol"] = "deployed",
    views: Views = "centre",
    calibration: float = 0.1,
    as_is: bool = False,
    device: str = "auto",
    precision: str = "auto",
    results: str | os.PathLike[str] = "results",
    cache: str | os.PathLike[str] | None = None,
    fresh: bool = False,
    reporter: Reporter = SILENT,
) -> ScoredRun:
    """Train a method, price its exits and sweep policies over budgets, or find it all done: ``bench run``.

    Options are those of the command, and so are the results that are kept; without ``policies`` the exits alone are
    scored. ``settings`` are those of ``--set``. Raises BenchError for whatever is not as it should be.
    """
    method, dataset = arguments.name("method", method), arguments.name("dataset", dataset)
    where = arguments.path("cache", cache) if cache else default_cache()
    root = arguments.path("data_root", data_root) if data_root else None
    if root is None and not registry.dataset(dataset).needs_root:
        root = where  # a rendered set lives in the cache
    sweep = arguments.sweep(
        registry.names("policy") if policies == "all" else policies,
        thresholdings=thresholdings,
        budgets=budgets,
        a_values=a_values,
        shuffles=shuffles,
        resamples=resamples,
        cost=cost,
    )
    request = RunRequest(
        method=method,
        preset=preset,
        recipe=arguments.one_of("recipe", recipe, RECIPE_NAMES),
        dataset=dataset,
        data=DatasetRequest(root, arguments.texts("data", data)),
        seed=arguments.whole("seed", seed),
        settings=arguments.texts("settings", settings),
        calibration_share=0.0 if as_is else arguments.number("calibration", calibration),
        as_is=as_is,
        evaluation=EvaluationSpec(ap=ap, signals=signals, views=arguments.one_of("views", views, VIEWS)),
        sweep=sweep if sweep.policies else None,
        leave_out=policies == "all",
        device=device,
        precision=precision,
        results=arguments.path("results", results),
        cache=where,
        fresh=fresh,
    )
    result = run_request(request, reporter)
    return ScoredRun.of(result.folder, result.header, result.records)
