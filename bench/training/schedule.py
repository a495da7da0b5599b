"""Learning rate as a function of the epoch alone: a resumed run needs no state of a scheduler."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import nn

from bench.training.recipe import Optimiser, Recipe, Schedule


def rate_factor(schedule: Schedule, epoch: float, epochs: int) -> float:
    """Factor on the optimiser's rate after ``epoch`` (fractions count) of ``epochs`` epochs."""
    if epoch < schedule.warmup_epochs:
        # Above zero, so that the first batch has an effect.
        return max(epoch, 0.01) / schedule.warmup_epochs
    if schedule.kind == "cosine":
        span = max(epochs - schedule.warmup_epochs, 1e-9)
        return 0.5 * (1 + math.cos(math.pi * min((epoch - schedule.warmup_epochs) / span, 1.0)))
    if schedule.kind == "exponential":
        begins = schedule.milestones[0]
        return schedule.factor ** (max(epoch - begins, 0.0) / max(epochs - begins, 1e-9))
    return schedule.factor ** sum(epoch >= milestone for milestone in schedule.milestones)


def follow(optimiser: torch.optim.Optimizer, recipe: Recipe, epoch: float) -> float:
    """Set the optimiser's learning rate and betas to the recipe's after ``epoch`` (fractions count); gives the rate."""
    schedule = recipe.schedule
    rate = recipe.optimiser.learning_rate * rate_factor(schedule, epoch, recipe.epochs)
    late = bool(schedule.later_betas) and epoch >= schedule.milestones[0]
    for group in optimiser.param_groups:
        group["lr"] = rate
        if "betas" in group:
            group["betas"] = schedule.later_betas if late else recipe.optimiser.betas
    return rate


def build_optimiser(
    recipe: Optimiser, parameters: Iterable[nn.Parameter], device: str = "cpu"
) -> torch.optim.Optimizer:
    """Build the optimiser of a recipe over parameters; ``device`` is the type of that on which they will be.

    On CUDA all parameters are updated by one kernel.
    """
    rate, decay = recipe.learning_rate, recipe.weight_decay
    fused = True if device == "cuda" else None
    if recipe.name == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=recipe.momentum, weight_decay=decay, fused=fused)
    kind = torch.optim.AdamW if recipe.name == "adamw" else torch.optim.Adam
    amsgrad = recipe.name == "amsgrad"
    return kind(parameters, lr=rate, betas=recipe.betas, weight_decay=decay, amsgrad=amsgrad, fused=fused)
