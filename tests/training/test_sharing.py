"""A batch that processes share: gradients of what no image has for itself."""

import threading
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from bench.networks import ExitOutput
from bench.training import sharing


class Threads:
    """Stands for ``torch.distributed``: threads are the processes, and wait for each other where they exchange."""

    def __init__(self, count):
        self.barrier, self.sent, self.local = threading.Barrier(count, timeout=30), [None] * count, threading.local()

    def get_rank(self):
        return self.local.rank

    def get_world_size(self):
        return len(self.sent)

    def exchanged(self, tensor):
        self.sent[self.local.rank] = tensor.clone()
        self.barrier.wait()
        found = [one.clone() for one in self.sent]
        self.barrier.wait()
        return found

    def all_gather(self, parts, tensor):
        parts[:] = self.exchanged(tensor)

    def all_reduce(self, tensor):
        tensor.copy_(sum(self.exchanged(tensor)))


class Network(nn.Module):
    """One exit, whose extras are a mean over images and a parameter."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.centres = nn.Linear(5, 3), nn.Parameter(torch.randn(4, 3))

    def outputs(self, images):
        features = self.layer(images)
        extras = {"mean": features.square().mean(), "centres": self.centres, "constant": torch.tensor(2.0)}
        return [ExitOutput(features, features, None, extras)]


def loss_of(outputs, labels):
    (output,) = outputs
    extras = output.extras
    distance = (output.features - extras["centres"][labels]).square().sum(1).mean()
    return {"centres": distance, "mean": 3 * extras["mean"] * extras["constant"], "norm": extras["centres"].norm()}


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_gradients_of_means_and_parameters_are_those_of_one_process(processes, monkeypatch):
    """The mean of the processes' gradients, as DistributedDataParallel takes it, for the loss as it is scaled."""
    images, labels = torch.randn(12, 5, generator=torch.Generator().manual_seed(1)), torch.arange(12) % 4
    whole = Network()
    expected = loss_of(whole.outputs(images), labels)
    sum(expected.values()).backward()
    threads = Threads(processes)
    monkeypatch.setattr(sharing, "dist", threads)
    monkeypatch.setattr(sharing, "run_outputs", lambda network, given, _: network.outputs(given))
    networks, terms = [Network() for _ in range(processes)], [{} for _ in range(processes)]

    def follow(rank):
        threads.local.rank = rank
        fabric = SimpleNamespace(world_size=processes, global_rank=rank)
        step = sharing.SharedStep(networks[rank], loss_of, fabric, per_device=False)
        terms[rank] = step(images[sharing.part_of(12, fabric)], labels)
        step.scaled(sum(terms[rank].values())).backward()

    started = [threading.Thread(target=follow, args=(rank,)) for rank in range(processes)]
    for one in started:
        one.start()
    for one in started:
        one.join(60)
    for found in terms:
        torch.testing.assert_close(found, expected)
    for of_all in zip(whole.parameters(), *(network.parameters() for network in networks), strict=True):
        gradients = [parameter.grad for parameter in of_all]
        torch.testing.assert_close(sum(gradients[1:]) / processes, gradients[0])
