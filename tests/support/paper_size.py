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


@cache
def paper_size(name, **options):
    """Run every step of a method at preset paper on a black image, and add up what its layers do."""
    network, size = untrained(name, **options)
    macs, read, cumulative = 0, {}, []

    def note(module, _, output):
        nonlocal macs
        read.update({id(parameter): parameter.numel() for parameter in module.parameters(recurse=False)})
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            macs += output.numel() * prod(module.weight.shape[1:])

    for module in network.modules():
        module.register_forward_hook(note)
    with torch.inference_mode():
        state = network.start(torch.zeros(1, 3, *size))
        for index in range(len(network.exits)):
            state, _ = network.step(state, index)
            cumulative.append(macs)
    return PaperSize(cumulative, sum(read.values()), [spec.dim for spec in network.exits])
