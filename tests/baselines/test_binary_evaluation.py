"""Binary convolutions in evaluation: the signs of their weights are constants, and follow the weights all the same."""

import copy

import pytest
import torch
import torch.nn.functional as F

from baselines.networks import binary
from baselines.networks.binary import BinaryConvolution
from bench.cost.ledger import CostLedger
from bench.cost.macs import module_work
from bench.cost.operators import Work


def layer_of(learned):
    torch.manual_seed(0)
    return BinaryConvolution(3, 4, 3, 2, learned_scale=learned).eval()


def by_hand(layer, maps):
    scale = layer.learned if layer.learned is not None else layer.weight.abs().mean(dim=(1, 2, 3))
    return F.conv2d(maps.sign(), layer.weight.sign(), stride=2, padding=1) * scale[None, :, None, None]


def turned(layer):
    with torch.no_grad():
        layer.weight.neg_()
    return layer


def scaled(layer):
    with torch.no_grad():
        for part in layer.parameters():
            part[0].mul_(3)
    return layer


def replaced(layer):
    layer.weight.data = torch.randn_like(layer.weight)
    return layer


def filled(layer):
    layer.load_state_dict({name: -2 * value for name, value in layer.state_dict().items()})
    return layer


def stepped(layer):
    torch.optim.SGD(layer.train().parameters(), lr=10.0).zero_grad()
    layer(torch.randn(2, 3, 8, 6)).square().sum().backward()
    torch.optim.SGD(layer.parameters(), lr=10.0).step()
    return layer.eval()


@pytest.mark.parametrize("learned", [True, False])
@pytest.mark.parametrize(
    "change",
    [turned, scaled, replaced, filled, stepped, copy.deepcopy, torch.nn.Module.double, torch.nn.Module.bfloat16],
)
@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_weights_that_change_are_followed(learned, change, context):
    layer, maps = layer_of(learned), torch.randn(2, 3, 8, 6)
    with context():
        torch.testing.assert_close(layer(maps), by_hand(layer, maps))
    layer = change(layer)
    maps = maps.to(layer.weight.dtype)
    with context():
        torch.testing.assert_close(layer(maps), by_hand(layer, maps))
        torch.testing.assert_close(layer(maps), by_hand(layer, maps))


def test_signs_of_weights_are_taken_once(monkeypatch):
    taken = []
    monkeypatch.setattr(binary, "weight_sign", lambda values: taken.append(values) or values.sign())
    layer, maps = layer_of(True), torch.randn(2, 3, 8, 6)
    with torch.inference_mode():
        for _ in range(3):
            layer(maps)
    assert len(taken) == 1
    layer(maps).sum().backward()
    assert len(taken) == 2, "where something is learned they are taken anew"
    assert layer.learned.grad is not None


@pytest.mark.parametrize("learned", [True, False])
def test_work_on_weights_is_no_work_on_an_image(learned):
    """A comparison and a choice for each activation, a product for each value that leaves, nothing for a weight."""
    activations, leaving = 3 * 8 * 6, 4 * 4 * 3
    layer = layer_of(learned)
    expected = Work(leaving * 3 * 9, 2 * activations + leaving)
    assert module_work(layer, torch.zeros(1, 3, 8, 6)) == expected
    with torch.inference_mode():
        layer(torch.zeros(1, 3, 8, 6))
    assert module_work(layer, torch.zeros(1, 3, 8, 6)) == expected, "whatever ran before"


def test_a_network_that_has_run_counts_as_one_that_has_not():
    from bench import registry

    method = registry.method("bire-id")
    smoke = method.presets["smoke"]
    network = method.build(smoke.network, 5, smoke.recipe.input_size).eval()
    before = CostLedger.of(network, smoke.recipe.input_size, 1)
    with torch.inference_mode():
        network.embed(torch.randn(2, 3, *smoke.recipe.input_size))
    assert CostLedger.of(network, smoke.recipe.input_size, 1) == before
    read = sum(part.weight.numel() for part in network.binary_convolutions())
    assert before.parameters.sum() > read, "weights are read, though once"
