"""Multiply-adds of every exit: golden numbers, torch's own counter, and what must never pass in silence."""

from __future__ import annotations

import copy
import logging
import warnings
from contextlib import contextmanager
from logging.handlers import BufferingHandler

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional

from bench import registry
from bench.cost.macs import alone_macs, count, cross_check, exit_macs
from bench.networks import ExitSpec, MultiExitNetwork, sign

HEAD_DIM = 256
RESNET50_TRUNK_MACS = (513_277_952, 1_184_366_592, 2_140_667_904, 2_669_150_208)


class ResNet50(MultiExitNetwork):
    def __init__(self):
        super().__init__()
        encoder = torchvision.models.resnet50(weights=None)
        self.stem = nn.Sequential(encoder.conv1, encoder.bn1, encoder.relu, encoder.maxpool)
        self.stages = nn.ModuleList([encoder.layer1, encoder.layer2, encoder.layer3, encoder.layer4])
        self.heads = nn.ModuleList(nn.Linear(width, HEAD_DIM) for width in (256, 512, 1024, 2048))
        self.classifier = nn.Linear(HEAD_DIM, 751)
        self.exits = tuple(ExitSpec(f"stage {n}", HEAD_DIM, "continuous") for n in (1, 2, 3, 4))

    def start(self, images):
        return self.stem(images)

    def step(self, state, exit_index):
        state = self.stages[exit_index](state)
        return state, self.heads[exit_index](functional.adaptive_avg_pool2d(state, 1).flatten(1))

    def outputs(self, images):
        raise NotImplementedError


class Branches(MultiExitNetwork):
    """Two steps whose state is a dict of tuples; a trunk convolution and the first head feed the second step alone."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.later_only = nn.Conv2d(8, 4, 1, bias=False)
        self.second = nn.Conv2d(12, 16, 3, stride=2, padding=1, groups=4, bias=False)
        first_head = nn.ModuleDict({"code": nn.Linear(8, 6), "note": nn.Linear(8, 5)})
        self.heads = nn.ModuleList([first_head, nn.Linear(21, 7)])
        self.first_code = self.heads[0]["code"]  # a head known by a second name is still a head
        self.classifier = nn.Linear(7, 100)
        self.exits = (ExitSpec("one", 6, "binary"), ExitSpec("two", 7, "continuous"))

    def start(self, images):
        return {"image": images}

    def step(self, state, exit_index):
        if exit_index == 0:
            maps = self.first(state["image"])
            pooled = maps.mean((2, 3))
            state = {"maps": (maps, self.later_only(maps)), "notes": [self.heads[0]["note"](pooled)]}
            return state, sign(self.first_code(pooled))
        maps = self.second(torch.cat(state["maps"], 1))
        return (), self.heads[1](torch.cat([maps.amax((2, 3)), *state["notes"]], 1))

    def outputs(self, images):
        raise NotImplementedError


@pytest.fixture(scope="module")
def resnet50():
    return ResNet50().train()


@pytest.fixture(scope="module")
def resnet50_steps(resnet50):
    return count(resnet50, (256, 128))


def test_resnet50_trunk_is_golden(resnet50_steps):
    np.testing.assert_array_equal(np.cumsum([step.trunk_macs for step in resnet50_steps]), RESNET50_TRUNK_MACS)


def test_resnet50_heads_are_their_arithmetic(resnet50_steps):
    assert [step.head_macs for step in resnet50_steps] == [width * HEAD_DIM for width in (256, 512, 1024, 2048)]


def test_resnet50_agrees_with_torch_at_every_exit(resnet50, resnet50_steps):
    agreed = cross_check(resnet50, (256, 128))
    np.testing.assert_array_equal(agreed, np.cumsum([step.macs for step in resnet50_steps]))
    assert agreed.dtype == np.int64
    assert np.all(np.diff(agreed) > 0)


def test_normalisation_and_activation_are_never_macs(resnet50_steps):
    with_macs = {cost.name for step in resnet50_steps for cost in step.operators if cost.macs}
    assert with_macs == {"aten::_convolution", "aten::linear"}
    elementwise = {cost.name for step in resnet50_steps for cost in step.operators if cost.elementwise_operations}
    assert elementwise >= {"aten::batch_norm", "aten::relu_", "aten::add_", "aten::max_pool2d"}


def test_parameters_are_those_that_inference_reads(resnet50, resnet50_steps):
    heads = sum(parameter.numel() for parameter in resnet50.heads.parameters())
    classifier = sum(parameter.numel() for parameter in resnet50.classifier.parameters())
    everything = sum(parameter.numel() for parameter in resnet50.parameters())
    assert sum(step.head_parameters for step in resnet50_steps) == heads
    assert sum(step.trunk_parameters for step in resnet50_steps) == everything - heads - classifier


def test_counting_leaves_the_network_and_the_random_numbers_alone():
    network = Branches().train()
    before, generator = copy.deepcopy(network.state_dict()), torch.random.get_rng_state()
    settings = torch.backends.mha.get_fastpath_enabled(), torch.backends.mkldnn.enabled, torch.is_grad_enabled()
    exit_macs(network, (8, 4))
    assert all(module.training for module in network.modules())
    assert all(torch.equal(values, before[name]) for name, values in network.state_dict().items())
    assert all(not module._forward_hooks for module in network.modules())
    assert torch.equal(torch.random.get_rng_state(), generator)
    assert settings == (
        torch.backends.mha.get_fastpath_enabled(),
        torch.backends.mkldnn.enabled,
        torch.is_grad_enabled(),
    )


@contextmanager
def logged():
    """Records of all loggers, of every level that they let through; those that pass nothing on have them, too."""
    root, said = logging.getLogger(), BufferingHandler(1000)
    known = [one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    heard = [root, *(one for one in known if not one.propagate)]
    level = root.level
    root.setLevel(logging.DEBUG)
    for logger in heard:
        logger.addHandler(said)
    yield said.buffer
    for logger in heard:
        logger.removeHandler(said)
    root.setLevel(level)


def test_counting_is_silent(capsys):
    with warnings.catch_warnings(action="error"), logged() as records:
        count(Branches(), (8, 4))
        assert records == []
    assert capsys.readouterr() == ("", "")


def test_nested_state_keeps_what_only_later_steps_read():
    first, second = count(Branches(), (8, 4))
    positions = 8 * 4
    assert first.trunk_macs == positions * 8 * 3 * 9 + positions * 4 * 8
    assert first.head_macs == 8 * 6 + 8 * 5
    assert second.trunk_macs == positions // 4 * 16 * 3 * 9
    assert second.head_macs == 21 * 7
    assert first.elementwise_operations == 3 * positions * 8 + positions * 8 + 2 * 6  # batch norm, relu, mean, sign
    assert second.elementwise_operations == positions // 4 * 16
    assert (first.head_parameters, second.head_parameters) == (9 * 6 + 9 * 5, 22 * 7)
    assert (first.trunk_parameters, second.trunk_parameters) == (8 * 27 + 16 + 32, 16 * 27)
    np.testing.assert_array_equal(cross_check(Branches(), (8, 4)), np.cumsum([first.macs, second.macs]))
    np.testing.assert_array_equal(exit_macs(Branches(), (8, 4)), np.cumsum([first.macs, second.macs]))


def test_an_exit_alone_pays_for_what_its_embedding_depends_on():
    """Not for another exit's code, nor for what another exit reads of the trunk; but for what it reads of a head."""
    positions = 8 * 4
    first = positions * 8 * 3 * 9 + 8 * 6
    second = positions * 8 * 3 * 9 + positions * 4 * 8 + 8 * 5 + positions // 4 * 16 * 3 * 9 + 21 * 7
    network = Branches().train()
    np.testing.assert_array_equal(alone_macs(network, (8, 4)), [first, second])
    assert all(module.training for module in network.modules())


@pytest.mark.parametrize("method", ["dare", "resnet-ensemble", "hashreid"])
def test_the_last_exit_of_methods_alone(method):
    """DaRe's fuses all heads; the last network of an ensemble runs by itself; a hash exit has its trunk and head."""
    value = registry.method(method)
    smoke = value.presets["smoke"]
    size = smoke.recipe.input_size
    network = value.build(smoke.network, 6, size)
    steps = count(network, size)
    expected = {
        "dare": sum(step.macs for step in steps),
        "resnet-ensemble": steps[-1].macs,
        "hashreid": sum(step.trunk_macs for step in steps) + steps[-1].head_macs,
    }
    assert alone_macs(network, size)[-1] == expected[method]
