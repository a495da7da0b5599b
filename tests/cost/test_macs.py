"""Multiply-adds of every exit: golden numbers, torch's own counter, and what must never pass in silence."""

from __future__ import annotations

import copy
import logging
import warnings

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional

from bench.cost.macs import count, cross_check, exit_macs, module_work
from bench.cost.operators import OPERATORS, Work, free
from bench.errors import BenchError
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


class OneStep(MultiExitNetwork):
    """One exit, whose step is the given function."""

    def __init__(self, body, dim, **modules):
        super().__init__()
        self.heads = nn.ModuleList([nn.Identity()])
        self.exits = (ExitSpec("only", dim, "continuous"),)
        self.body = body
        self.bias = nn.Parameter(torch.zeros(1))
        for name, module in modules.items():
            self.add_module(name, module)

    def start(self, images):
        return images

    def step(self, state, exit_index):
        return (), self.body(self, state)

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


def test_counting_is_silent(caplog, capsys):
    with warnings.catch_warnings(action="error"), caplog.at_level(logging.DEBUG):
        count(Branches(), (8, 4))
    assert not caplog.records
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


def test_state_that_a_step_writes_into():
    def body(network, images):
        return images.mul_(2).add_(1).mean((2, 3))

    (step,) = count(OneStep(body, 3), (4, 4))
    assert (step.macs, step.elementwise_operations) == (0, 3 * 48)


@pytest.mark.parametrize(
    ("layer", "shape", "macs", "elementwise"),
    [
        (nn.GRU(2048, 512), (16, 1, 2048), 62_914_560, 16 * 512 * 11),
        (nn.GRU(128, 64, 2, bidirectional=True), (16, 1, 128), 2_359_296, 16 * 64 * 4 * 11),
        (nn.GRU(128, 64, 2, bidirectional=True, batch_first=True), (1, 16, 128), 2_359_296, 16 * 64 * 4 * 11),
        (nn.LSTM(2048, 512), (16, 1, 2048), 83_886_080, 16 * 512 * 13),
        (nn.LSTM(128, 64, proj_size=32), (16, 1, 128), 16 * (256 * (128 + 32) + 32 * 64), 16 * 64 * 13),
        (nn.RNN(128, 64), (16, 1, 128), 196_608, 16 * 64 * 2),
        (nn.RNN(128, 64, nonlinearity="relu", bias=False), (16, 1, 128), 196_608, 16 * 64 * 2),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_recurrent_layers_are_golden(layer, shape, macs, elementwise):
    assert module_work(layer, torch.zeros(shape)) == Work(macs, elementwise)


def _sequence(images):
    """Images (1, 3, 8, 4) as a sequence (1, 8, 12)."""
    return images.permute(0, 2, 1, 3).flatten(2)


BODIES = {
    "gru": (lambda n, x: n.layer(_sequence(x))[0][:, -1], nn.GRU(12, 5, 2, batch_first=True), 8 * 15 * (12 + 3 * 5)),
    "lstm": (lambda n, x: n.layer(_sequence(x))[0][:, -1], nn.LSTM(12, 5, batch_first=True), 8 * 20 * (12 + 5)),
    "gru cell": (lambda n, x: n.layer(_sequence(x)[:, 0]), nn.GRUCell(12, 5), 15 * (12 + 5)),
    "attention": (
        lambda n, x: n.layer(_sequence(x), _sequence(x), _sequence(x), need_weights=False)[0][:, 0],
        nn.MultiheadAttention(12, 3, batch_first=True),
        8 * 12 * 12 * 4 + 8 * 8 * 12 * 2,
    ),
    "transformer": (
        lambda n, x: n.layer(_sequence(x))[:, 0],
        nn.TransformerEncoderLayer(12, 3, 20, batch_first=True),
        8 * 12 * 12 * 4 + 8 * 8 * 12 * 2 + 2 * 8 * 12 * 20,
    ),
    "transposed": (lambda n, x: n.layer(x).mean((2, 3)), nn.ConvTranspose2d(3, 4, 3, stride=2), 32 * 3 * 4 * 9),
    "same": (lambda n, x: n.layer(x).mean((2, 3)), nn.Conv2d(3, 4, 3, padding="same"), 32 * 3 * 4 * 9),
    "einsum": (lambda n, x: torch.einsum("bij,bkj->bik", _sequence(x), _sequence(x))[:, 0], None, 8 * 8 * 12),
    "einsum of sums": (lambda n, x: torch.einsum("bij,bkl->bl", _sequence(x), _sequence(x)), None, None),
    "matmul": (lambda n, x: (_sequence(x) @ _sequence(x).mT)[:, 0], None, 8 * 8 * 12),
    "matmul by a vector": (lambda n, x: _sequence(x) @ torch.ones(12), None, 8 * 12),
    "dot": (lambda n, x: torch.dot(x.flatten(), x.flatten())[None, None], None, 96),
    "baddbmm": (lambda n, x: torch.baddbmm(n.bias, _sequence(x), _sequence(x).mT)[:, 0], None, 8 * 8 * 12),
}


@pytest.mark.parametrize("name", BODIES)
def test_operators_agree_with_torch(name):
    body, layer, macs = BODIES[name]
    modules = {} if layer is None else {"layer": layer}
    with torch.no_grad():
        dim = body(OneStep(body, 0, **modules).eval(), torch.zeros(1, 3, 8, 4)).shape[1]
    network = OneStep(body, dim, **modules)
    (agreed,) = cross_check(network, (8, 4))
    assert macs is None or agreed == macs
    if layer is not None:
        assert count(network, (8, 4))[0].trunk_parameters == sum(p.numel() for p in layer.parameters())


def test_an_operator_nobody_ruled_on_is_an_error():
    network = OneStep(lambda n, x: torch.cdist(x, x).mean((2, 3)), 3)
    with pytest.raises(BenchError, match=r"aten::cdist.*step 0 \(exit 'only'\) of OneStep.*bench/cost/operators\.py"):
        count(network, (8, 4))


def test_a_plug_in_can_rule_on_an_operator(monkeypatch):
    monkeypatch.setitem(OPERATORS, "aten::cdist", lambda inputs, outputs: Work(7, 11))
    monkeypatch.setitem(OPERATORS, "aten::mean", free)
    (step,) = count(OneStep(lambda n, x: torch.cdist(x, x).mean((2, 3)), 3), (8, 4))
    assert (step.trunk_macs, step.elementwise_operations) == (7, 11)


def test_a_form_that_a_handler_cannot_rule_on_is_an_error():
    with pytest.raises(BenchError, match=r"aten::einsum"):
        count(OneStep(lambda n, x: torch.einsum("bchw,bchw,bchw->bc", x, x, x), 3), (8, 4))


def test_python_functions_hide_nothing():
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, values):
            return values @ values.mT

        @staticmethod
        def backward(ctx, gradient):
            return gradient

    with pytest.raises(BenchError, match="Double"):
        count(OneStep(lambda n, x: Double.apply(x).mean((2, 3)), 3), (8, 4))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_scripted_control_flow_hides_nothing():
    @torch.jit.script
    def repeated(values: torch.Tensor, times: int):
        for _ in range(times):
            values = values @ values.mT @ values
        return values

    with pytest.raises(BenchError, match="prim::CallFunction"):
        count(OneStep(lambda n, x: repeated(x, 3).mean((2, 3)), 3), (8, 4))


def test_work_that_nothing_uses_is_an_error():
    def body(network, images):
        network.layer(images)
        return images.mean((2, 3))

    with pytest.raises(BenchError, match=r"neither returns nor uses"):
        count(OneStep(body, 3, layer=nn.Conv2d(3, 4, 1)), (8, 4))


def test_an_embedding_of_another_length_is_an_error():
    with pytest.raises(BenchError, match=r"shape \(1, 5\).*returned \(1, 3\)"):
        count(OneStep(lambda n, x: x.mean((2, 3)), 5), (8, 4))


def test_everything_that_fvcore_passes_over_has_a_ruling():
    from fvcore.nn import jit_analysis

    assert set(jit_analysis._IGNORED_OPS) <= set(OPERATORS)


def test_shape_arithmetic_is_no_work():
    network = OneStep(lambda n, x: x.reshape(x.shape[0], x.shape[1] * x.shape[2] // 2 * 2, -1)[:, :, 0], 24)
    (step,) = count(network, (8, 4))
    assert (step.macs, step.elementwise_operations) == (0, 0)
