"""Recipes of preset paper, against what the authors print, run by torch's own schedulers."""

import pytest
import torch
from torch.optim.lr_scheduler import MultiStepLR, StepLR

from bench import registry
from bench.training.schedule import build_optimiser, rate_factor

WIDE = ("amsgrad", 0.0015, 150, 64, lambda optimiser: StepLR(optimiser, step_size=60))
NARROW = ("amsgrad", 0.003, 180, 128, lambda optimiser: StepLR(optimiser, step_size=80))
SEARCHED = ("sgd", 0.065, 350, 64, lambda optimiser: MultiStepLR(optimiser, [150, 225, 300]))
HAN = ("sgd", 0.03, 300, 32, lambda optimiser: MultiStepLR(optimiser, [100, 200, 250]))
PUBLISHED = {
    "osnet": WIDE,
    "osnet-x0.75": WIDE,
    "osnet-x0.5": NARROW,
    "osnet-x0.25": NARROW,
    "cnet": SEARCHED,
    "cdnet": SEARCHED,
    "han-s": HAN,
    "han-m": HAN,
    "han-l": HAN,
}
"""Optimiser, rate, epochs, batch and scheduler: of OSNet and CDNet in the configurations of their repositories
(``single_step`` of torchreid is a StepLR), of HAN in section 4 of its paper. All decay weights by 5e-4."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_rate_of_every_epoch_is_the_published_one(name):
    optimiser_name, rate, epochs, batch, scheduler_of = PUBLISHED[name]
    recipe = registry.method(name).presets["paper"].recipe
    assert (recipe.optimiser.name, recipe.epochs, recipe.batch_size) == (optimiser_name, epochs, batch)
    optimiser = build_optimiser(recipe.optimiser, [torch.nn.Parameter(torch.zeros(1))])
    (group,) = optimiser.param_groups
    assert (group["lr"], group["weight_decay"]) == (rate, 5e-4)
    scheduler = scheduler_of(optimiser)
    for epoch in range(epochs):
        found = recipe.optimiser.learning_rate * rate_factor(recipe.schedule, epoch + 0.5, epochs)
        assert found == pytest.approx(group["lr"]), f"in epoch {epoch}"
        optimiser.step()
        scheduler.step()
