import math
from dataclasses import replace

import pytest
import torch
from torch.optim import lr_scheduler

from bench.errors import BenchError
from bench.training.recipe import Optimiser, Recipe, Schedule
from bench.training.schedule import build_optimiser, follow, rate_factor


def test_the_papers_steps():
    schedule = Schedule("step", milestones=(40, 70), factor=0.1)
    factors = [rate_factor(schedule, epoch, 100) for epoch in (0, 39.99, 40, 69, 70, 100)]
    assert factors == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


MILESTONES = [(40, 70), (0,), (99,), (100,), (150,), (30, 30)]


@pytest.mark.parametrize(
    ("schedule", "build"),
    [
        *(
            (Schedule("step", ms, 0.1), lambda optimiser, ms=ms: lr_scheduler.MultiStepLR(optimiser, ms, 0.1))
            for ms in MILESTONES
        ),
        (Schedule("cosine"), lambda optimiser: lr_scheduler.CosineAnnealingLR(optimiser, 100)),
        (
            Schedule("exponential", (50,), 0.001),
            lambda optimiser: lr_scheduler.SequentialLR(
                optimiser,
                [lr_scheduler.ConstantLR(optimiser, 1.0), lr_scheduler.ExponentialLR(optimiser, 0.001 ** (1 / 50))],
                [50],
            ),
        ),
    ],
)
def test_whole_epochs_have_the_rates_of_torchs_schedulers(schedule, build):
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = build(optimiser)
    for epoch in range(101):
        rate = optimiser.param_groups[0]["lr"]
        assert rate_factor(schedule, epoch, 100) == pytest.approx(rate, rel=1e-6, abs=1e-12), epoch
        optimiser.step()
        scheduler.step()


def test_exponential_falls_evenly_on_a_logarithmic_scale():
    schedule = Schedule("exponential", milestones=(50,), factor=0.001)
    factors = [rate_factor(schedule, epoch, 100) for epoch in (0, 50, 75, 100)]
    assert factors == pytest.approx([1, 1, 0.001**0.5, 0.001])


def test_a_recipes_constants_are_followed():
    recipe = Recipe(
        epochs=10,
        optimiser=Optimiser(learning_rate=0.2),
        schedule=Schedule("step", milestones=(5,), factor=0.1, later_betas=(0.5, 0.9)),
    )
    optimiser = build_optimiser(recipe.optimiser, [torch.nn.Parameter(torch.zeros(1))])
    for epoch, rate, betas in ((4.9, 0.2, (0.9, 0.999)), (5.0, 0.02, (0.5, 0.9)), (1.0, 0.2, (0.9, 0.999))):
        assert follow(optimiser, recipe, epoch) == pytest.approx(rate)
        assert optimiser.param_groups[0]["lr"] == pytest.approx(rate)
        assert optimiser.param_groups[0]["betas"] == betas


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"kind": "exponential"}, "one epoch, where the fall begins"),
        ({"later_betas": (0.5,)}, "two numbers or none"),
        ({"later_betas": (0.5, 0.9)}, "no milestone"),
        ({"kind": "linear"}, "unknown schedule.kind"),
    ],
)
def test_schedules_that_cannot_be_followed(wrong, said):
    with pytest.raises(BenchError, match=said):
        Schedule(**wrong)


def test_cosine_with_warm_up():
    schedule = Schedule("cosine", warmup_epochs=2)
    assert rate_factor(schedule, 1, 10) == 0.5
    assert rate_factor(schedule, 2, 10) == 1
    assert rate_factor(schedule, 6, 10) == pytest.approx(0.5)
    assert rate_factor(schedule, 4, 10) == pytest.approx(0.5 * (1 + math.cos(math.pi / 4)))
    assert rate_factor(schedule, 10, 10) == pytest.approx(0)
    assert rate_factor(schedule, 0, 10) > 0


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)]
)
def test_optimisers(name, kind):
    optimiser = build_optimiser(Optimiser(name, 0.3, 0.01), [torch.nn.Parameter(torch.zeros(1))])
    assert type(optimiser) is kind
    assert optimiser.param_groups[0]["lr"] == 0.3
    assert optimiser.param_groups[0]["weight_decay"] == 0.01


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule("step", milestones=(40, 70)),
        Schedule("cosine", warmup_epochs=10),
        Schedule("exponential", milestones=(50,), factor=0.001, warmup_epochs=5),
    ],
)
def test_a_shortened_recipe_has_the_same_rates_sooner(schedule):
    whole = Recipe(epochs=100, schedule=schedule)
    short = whole.shortened(0.1)
    assert short.epochs == 10
    for epoch in (1.0, 3.0, 4.5, 6.9, 9.5):
        expected = rate_factor(schedule, 10 * epoch, whole.epochs)
        assert rate_factor(short.schedule, epoch, short.epochs) == pytest.approx(expected)
    assert replace(short, epochs=100, schedule=schedule) == whole
    with pytest.raises(BenchError, match="above 0 and at most 1, not"):
        whole.shortened(1.5)
    assert whole.shortened(1e-6).epochs == 1
