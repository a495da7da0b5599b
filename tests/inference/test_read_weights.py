"""What a step does not read stays out of its export; what it reads, however it is handed over, stays in."""

import pytest
import torch
import torch.nn.functional as F
from families import VARIANTS
from smoke_networks import noise, smoke_run
from torch import nn

from bench import registry
from bench.inference.export.read_weights import Reading
from bench.networks import state_tensors


class Halved(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, weight):
        return values * weight / 2


class Ways(nn.Module):
    """Reads weights in every way that comes to mind, and some not at all."""

    def __init__(self):
        super().__init__()
        self.called = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)
        self.handed = nn.Linear(4, 4)
        self.recurrent = nn.GRU(4, 4)
        self.attention = nn.MultiheadAttention(4, 2)
        self.listed = nn.Parameter(torch.ones(1, 4))
        self.named = nn.Parameter(torch.ones(4))
        self.custom = nn.Parameter(torch.ones(4))
        self.unread = nn.Parameter(torch.ones(4))
        self.idle = nn.Linear(4, 4)
        self.register_buffer("added", torch.ones(4))
        self.register_buffer("spare", torch.ones(4))

    def forward(self, values):
        values = self.norm(self.called(values))
        values = F.linear(values, self.handed.weight)
        values = torch.cat([values, self.listed])
        values = torch.add(values, other=self.named) + self.added
        values = Halved.apply(values, self.custom)
        values, _ = self.recurrent(values[None])
        return self.attention(values, values, values)[0]


UNREAD = {"norm.num_batches_tracked", "handed.bias", "unread", "idle.weight", "idle.bias", "spare"}


def names(network):
    return {name for name, _ in (*network.named_parameters(), *network.named_buffers())}


def test_only_what_is_read_is_left():
    torch.manual_seed(0)
    network, values = Ways().eval(), torch.rand(3, 4)
    before = names(network)
    with torch.no_grad(), Reading() as reading:
        expected = network(values)
    copied = reading.without_unread(network)
    assert names(network) == before
    assert names(copied) == before - UNREAD
    assert copied.called.weight is network.called.weight, "weights are shared, not copied"
    with torch.no_grad():
        assert torch.equal(copied(values), expected)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if name in VARIANTS else []) for name in registry.names("method")],
)
def test_every_step_of_every_method_runs_on_what_it_reads(name):
    run = smoke_run(name)
    state = torch.from_numpy(noise(2, run.input_size))
    with torch.no_grad():
        for index in range(len(run.network.exits)):

            def step(network, state=state, index=index):
                return network.step(network.start(state) if index == 0 else state, index)

            with Reading() as reading:
                handed, embedding = step(run.network)
            copied = reading.without_unread(run.network)
            assert names(copied) < names(run.network)
            again, found = step(copied)
            assert torch.equal(found, embedding)
            for one, other in zip(state_tensors(again), state_tensors(handed), strict=True):
                assert torch.equal(one, other)
            state = handed
