"""Multiply-adds of single operators: golden numbers, torch's own counter, and operators that have no ruling."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bench.cost.macs import count, cross_check, module_work
from bench.cost.operators import OPERATORS, Work, free
from bench.errors import BenchError
from bench.networks import ExitSpec, MultiExitNetwork


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


def test_an_operator_without_a_ruling_is_an_error():
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
