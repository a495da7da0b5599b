"""Every number that ``--set`` lets through to a network trains it, or is refused in words: no library's own error."""

import math
from contextlib import suppress

import pytest
import torch

from bench import registry
from bench.errors import BenchError
from bench.methods import Method
from bench.settings import MOST_NUMBER, override

IDENTITIES = 6


def train(method: Method, setting: tuple[str, str]) -> float:
    """The loss of a batch of a network that is set so, after its backward pass."""
    smoke = method.presets["smoke"]
    options, recipe = override(smoke.network, smoke.recipe, dict([setting]), method.option_ranges)
    torch.manual_seed(0)
    network = method.build(options, IDENTITIES, recipe.input_size).train()
    outputs = network.outputs(torch.randn(8, 3, *recipe.input_size))
    loss = sum(method.loss(outputs, torch.arange(4).repeat_interleave(2), options).values())
    loss.backward()
    return loss.item()


@pytest.mark.parametrize("name", registry.names("method"))
def test_the_least_and_what_is_beyond_it(name):
    method = registry.method(name)
    for option, value in method.presets["smoke"].network.items():
        if type(value) not in (int, float):
            continue
        numbers = ("0", "1", "-1") if type(value) is int else ("0", "-1", "3", str(-MOST_NUMBER))
        for number in numbers:
            with suppress(BenchError):
                assert math.isfinite(train(method, (option, number))), f"{option}={number}"


@pytest.mark.parametrize(
    ("name", "option", "number"),
    [
        ("bot", "label_smoothing", "-1"),  # torch takes it for none, in a run of another key
        ("bot", "label_smoothing", "1.5"),
        ("branchynet", "triplet_weight", "-1"),
        ("hashreid", "identity_weight", "-1"),
        ("bire-id", "kernel_weight", "-0.1"),
        ("abc", "adversarial_weight", "-1"),
        ("ctf", "similarity_weight", "-1"),
        ("dare", "dim", "0"),
        ("hashreid", "margin", "-0.2"),
        ("msdnet", "margin", "-0.2"),
        ("osnet", "margin", "-0.2"),
        ("abc", "last_margin", "-0.1"),
    ],
)
def test_a_number_that_no_loss_can_have_is_refused_before_anything_is_done(name, option, number):
    method = registry.method(name)
    smoke = method.presets["smoke"]
    with pytest.raises(BenchError, match=f"setting {option}={number}: expected a .*number from [01] to"):
        override(smoke.network, smoke.recipe, {option: number}, method.option_ranges)
