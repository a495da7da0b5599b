"""What a run would do, in words and numbers, before it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench import registry
from bench.cost.profiles import machine
from bench.counts import count_of
from bench.data.views import VIEW_COUNTS
from bench.running.request import RunRequest
from bench.training.recipe import Recipe

UNKNOWN_IDENTITIES = 751
"""Market-1501's training identities, for a classifier of about the right size where the data is not there yet."""


def describe(request: RunRequest) -> dict[str, str]:
    """Describe a run, name by name; raises for whatever in the request cannot be."""
    method, options, recipe = request.resolve()
    reader = registry.dataset(request.dataset)
    reader.check(request.data)
    request.policies()
    request.check_weights()
    return {
        "method": f"{method.summary}",
        "paper": method.paper,
        "differs": request.differs,
        "preset": f"{request.preset}: {method.presets[request.preset].summary}",
        "network": ", ".join(f"{name}={value}" for name, value in options.items()),
        "data": _data(request),
        "training": "none: the weights are scored as they are"
        if request.as_is
        else _training(recipe) + ("" if request.recipe == "own" else " (the shared recipe)"),
        "held out": (
            f"{request.calibration_share:.0%} of the training identities, for calibration against all training images"
            + (" (the papers train on all: --calibration 0)" if request.preset == "paper" else "")
            if request.calibration_share
            else "none: no calibrated thresholds, no learned confidence"
        ),
        "evaluation": (
            f"AP {request.evaluation.ap}, ties as their expectation, signals {request.evaluation.signals}, "
            f"views {request.evaluation.views}"
        ),
        "sweep": _sweep(request),
        "results": str(request.results),
    }


@dataclass(frozen=True)
class Forecast:
    """What a run would cost on this device, name by name; ``seconds`` of training and embedding, None where the data is
    not there yet."""

    lines: dict[str, str]
    seconds: float | None = None


def forecast(request: RunRequest) -> Forecast:
    """Say what a run would cost on this device, having tried its network on noise; slow, as torch is."""
    from bench.running.estimate import estimate
    from bench.training.retrieval_history import measured_epochs

    _, _, recipe = request.resolve()
    reader = registry.dataset(request.dataset)
    dataset = reader.open(request.data) if reader.ready(request.data) else None
    identities = len({sample.pid for sample in dataset.train}) if dataset else UNKNOWN_IDENTITIES
    found = estimate(request, identities)
    devices = request.ranks.world_size
    where = found.device + (f", one of the {devices} devices that share the run" if devices > 1 else "")
    lines = {"multiply-adds": " / ".join(f"{count / 1e6:,.1f} M" for count in found.macs) + " an image, at each exit"}
    if dataset is None:
        here = f"{_precise(found.training_batch_seconds)} s a training batch on {where}"
        return Forecast(lines | {"time here": here})
    trained = 0 if request.as_is else round(len(dataset.train) * (1 - request.calibration_share))
    batches = recipe.batches_per_epoch or max(trained // recipe.batch_size, 1)
    # The retrieval history embeds every training image at the first exit. Whole passes are counted: a little too much.
    embedded = len(dataset.query) + len(dataset.gallery) + len(measured_epochs(recipe.epochs)) * trained
    training = 0 if request.as_is else recipe.epochs * batches * found.training_batch_seconds
    embedding = VIEW_COUNTS[request.evaluation.views] * embedded * found.embedding_image_seconds
    lines |= {
        "steps": "none" if request.as_is else f"{recipe.epochs} × {batches} batches of {recipe.batch_size} images",
        "time here": (
            f"about {_duration(training)} of training and {_duration(embedding)} of embedding on {where} "
            f"({_precise(found.training_batch_seconds)} s a batch)"
        ),
    }
    return Forecast(lines, training + embedding)


def forecast_all(forecasts: Sequence[Forecast]) -> str:
    """Add up what several runs would take, one after another; empty where that is not known of all."""
    seconds = [one.seconds for one in forecasts]
    known = [one for one in seconds if one is not None]
    if len(known) < len(seconds):
        return ""
    return f"about {_duration(sum(known))} for {count_of(len(known), 'run')}, one after another"


def _precise(seconds: float) -> str:
    return f"{seconds:.2g}" if seconds < 10 else f"{seconds:.0f}"


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return count_of(max(round(seconds), 1), "second")


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
    cut = f" cut from {recipe.resize[0]}×{recipe.resize[1]}" if recipe.resize else ""
    return (
        f"{recipe.epochs} epochs of {batches}, {recipe.identities_per_batch} identities × {recipe.images_per_identity} "
        f"images of {height}×{width}{cut}, {optimiser.name} at {optimiser.learning_rate:g}, {recipe.schedule.kind} "
        "schedule"
    )


def _sweep(request: RunRequest) -> str:
    if request.sweep is None:
        return "none: the exits alone (--budget-sweep sweeps)"
    sweep = request.sweep
    cost, measurement = request.cost()
    measured = f" on {machine(measurement)}, batch {measurement['batch']}" if measurement else ""
    points = f"a in {', '.join(map(str, sweep.a_values))}" if sweep.a_values else count_of(sweep.budgets, "budget")
    thresholdings = ", ".join(sweep.thresholdings)
    return (
        f"{', '.join(sweep.policies)}; thresholding {thresholdings}; {points} in {cost.name}{measured}; "
        f"{sweep.resamples} resamples"
    )
