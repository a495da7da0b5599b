"""Networks at paper size, counted by hooks in one pass: their parameters are zeros, which needs no random start."""

from contextlib import ExitStack
from functools import cache
from math import prod
from typing import NamedTuple
from unittest.mock import patch

import torch
from torch import nn

from bench import registry

STARTS = ("kaiming_normal_", "kaiming_uniform_", "normal_", "uniform_", "orthogonal_", "zeros_", "ones_", "constant_")


class PaperSize(NamedTuple):
    """Cumulative multiply-adds of each exit, parameters that inference reads, and lengths of the embeddings."""

    macs: list[int]
    parameters: int
    dims: list[int]


def untrained(name, identities=751, **options):
    """A network at preset paper whose tensors are zeros, and its input size."""
    method = registry.method(name)
    preset = method.presets["paper"]
    options = {**preset.network, **options}
    if "weights" in options:
        options["weights"] = "none"
    size = preset.recipe.input_size
    with ExitStack() as skipped, torch.device("meta"), torch.no_grad():
        for start in STARTS:
            skipped.enter_context(patch(f"torch.nn.init.{start}", lambda tensor, *_, **__: tensor))
        network = method.build(options, identities, size).eval()
    network.to_empty(device="cpu")
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.zero_()
        for buffer in network.buffers():
            buffer.zero_()
    return network, size


class Run(NamedTuple):
    """What the layers of a network did up to an exit: multiply-adds, and parameters that were read, by identity."""

    macs: int
    read: dict[int, int]


def layers_run(network, size):
    """Run every step on a black image of ``size`` (height, width) and add up what the layers do: a Run of each exit."""
    macs, read, runs = 0, {}, []

    def note(module, _, output):
        nonlocal macs
        read.update({id(parameter): parameter.numel() for parameter in module.parameters(recurse=False)})
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            macs += output.numel() * prod(module.weight.shape[1:])

    hooks = [module.register_forward_hook(note) for module in network.modules()]
    with torch.inference_mode():
        state = network.start(torch.zeros(1, 3, *size))
        for index in range(len(network.exits)):
            state, _ = network.step(state, index)
            runs.append(Run(macs, dict(read)))
    for hook in hooks:
        hook.remove()
    return runs


@cache
def paper_size(name, **options):
    """Count a method at preset paper."""
    network, size = untrained(name, **options)
    runs = layers_run(network, size)
    return PaperSize([run.macs for run in runs], sum(runs[-1].read.values()), [spec.dim for spec in network.exits])
