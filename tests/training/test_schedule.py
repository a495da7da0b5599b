import math

import pytest
import torch

from bench.training.recipe import Optimiser, Schedule
from bench.training.schedule import build_optimiser, rate_factor


def test_the_papers_steps():
    schedule = Schedule("step", milestones=(40, 70), factor=0.1)
    factors = [rate_factor(schedule, epoch, 100) for epoch in (0, 39.99, 40, 69, 70, 100)]
    assert factors == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


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
