import itertools

import pytest
import torch

from bench.cost.energy import EnergyMeter
from bench.cost.latency import LEAST_RUNS, measure_joules, measure_latency
from bench.device import open_device
from bench.errors import BenchError
from bench.running.request import RunRequest


@pytest.fixture(scope="module")
def network():
    method, options, recipe = RunRequest(method="hashreid", preset="smoke").resolve()
    return method.build(options, 2, recipe.input_size), recipe.input_size


def test_every_exit_takes_longer_than_the_one_before(network):
    latency = measure_latency(*network, open_device("cpu", "float32"), batch=2, seconds=0.0)
    assert latency.exits == ("exit 1", "exit 2", "exit 3", "exit 4")
    assert (latency.batch, latency.runs) == (2, LEAST_RUNS)
    assert latency.milliseconds[0] > 0
    # The clock is read on the way through: within one run times grow, and so do their quartiles.
    for times in (latency.low, latency.milliseconds, latency.high):
        assert all(one < other for one, other in itertools.pairwise(times))
    for low, middle, high in zip(latency.low, latency.milliseconds, latency.high, strict=True):
        assert low <= middle <= high


def test_a_batch_is_not_empty(network):
    with pytest.raises(BenchError, match="1 image or more"):
        measure_latency(*network, open_device("cpu"), batch=0)


def test_joules_to_an_exit_are_those_of_the_steps_up_to_it(network, monkeypatch):
    """By a counter that counts one joule for every convolution."""
    monkeypatch.setattr("bench.cost.energy.LEAST_SECONDS", 0.05)
    built, size = network
    spent = []
    hooks = [
        module.register_forward_hook(lambda *_: spent.append(1))
        for module in built.modules()
        if isinstance(module, torch.nn.Conv2d)
    ]
    try:
        expected = []
        with torch.inference_mode():
            built.eval()
            state = built.start(torch.zeros(1, 3, *size))
            for index in range(len(built.exits)):
                state, _ = built.step(state, index)
                expected.append(len(spent))
        meter = EnergyMeter("convolutions", lambda: float(len(spent)))
        joules = measure_joules(built, size, open_device("cpu", "float32"), meter, seconds=0.0)
    finally:
        for hook in hooks:
            hook.remove()
    assert joules == tuple(expected)
    assert all(one < other for one, other in itertools.pairwise(joules))
    assert measure_joules(built, size, open_device("cpu", "float32"), EnergyMeter("no counter", None)) is None
