"""What a run would do, in words and numbers, before it is done."""

from __future__ import annotations

from bench import registry
from bench.request import RunRequest
from bench.training.recipe import Recipe


def describe(request: RunRequest) -> dict[str, str]:
    """Describe a run, name by name; raises for whatever in the request cannot be."""
    method, options, recipe = request.resolve()
    reader = registry.dataset(request.dataset)
    reader.check(request.data)
    for name in request.sweep.policies if request.sweep else ():
        registry.policy(name)
    return {
        "method": f"{method.summary}",
        "paper": method.paper,
        "preset": f"{request.preset}: {method.presets[request.preset].summary}",
        "network": ", ".join(f"{name}={value}" for name, value in options.items()),
        "data": _data(request),
        "training": _training(recipe) + ("" if request.recipe == "own" else " (the shared recipe)"),
        "held out": f"{request.calibration_share:.0%} of the training identities, for calibration",
        "evaluation": (
            f"AP {request.evaluation.ap}, ties as their expectation, signals {request.evaluation.signals}, "
            f"views {request.evaluation.views}"
        ),
        "sweep": _sweep(request),
        "results": str(request.results),
    }


def _data(request: RunRequest) -> str:
    reader = registry.dataset(request.dataset)
    if not reader.ready(request.data):
        return f"{request.dataset}, to be rendered first"
    dataset = reader.open(request.data)
    rendered = "rendered, " if dataset.rendered else ""
    return (
        f"{dataset.name} ({rendered}{len(dataset.train):,} training, {len(dataset.query):,} query, "
        f"{len(dataset.gallery):,} gallery images) in {dataset.root}"
    )


def _training(recipe: Recipe) -> str:
    height, width = recipe.input_size
    batches = f"{recipe.batches_per_epoch} batches" if recipe.batches_per_epoch else "one pass"
    optimiser = recipe.optimiser
    return (
        f"{recipe.epochs} epochs of {batches}, {recipe.identities_per_batch} identities × {recipe.images_per_identity} "
        f"images of {height}×{width}, {optimiser.name} at {optimiser.learning_rate:g}, {recipe.schedule.kind} schedule"
    )


def _sweep(request: RunRequest) -> str:
    if request.sweep is None:
        return "none: the exits alone (--budget-sweep sweeps)"
    sweep = request.sweep
    points = f"a in {', '.join(map(str, sweep.a_values))}" if sweep.a_values else f"{sweep.budgets} budgets"
    return f"{', '.join(sweep.policies)} in {', '.join(sweep.modes)} mode, {points}, {sweep.resamples} resamples"
