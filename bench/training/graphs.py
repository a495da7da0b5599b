"""The forward and the backward pass of a training batch as CUDA graphs.

A fast accelerator is done with a batch of 64 images before the operations of its network can be launched one by one. A
graph launches them all at once. It repeats what was recorded: the same operations, on batches of the same shape.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from bench.device import precision_name, run_outputs
from bench.networks import ExitOutput, MultiExitNetwork
from bench.progress import SILENT, Reporter

Outputs = Callable[[Tensor], list[ExitOutput]]
"""Gives the outputs, in float32, of images (B, 3, H, W)."""


def outputs_of(
    network: MultiExitNetwork, shape: tuple[int, ...], fabric: Fabric, reporter: Reporter = SILENT
) -> Outputs:
    """Give what computes the outputs of a network in training, for batches of ``shape`` (B, 3, H, W).

    On CUDA graphs are recorded, and the network is as before when this returns. A network that cannot be recorded, or
    whose computation changes as training goes on, runs an operation at a time, as on every other device.
    """

    def eager(images: Tensor) -> list[ExitOutput]:
        return run_outputs(network, images, fabric)

    if fabric.device.type != "cuda" or network.anneals:
        return eager
    try:
        return _graphed(network, shape, fabric)
    except RuntimeError as problem:
        torch.cuda.synchronize()
        reason = str(problem).splitlines()[0]
        reporter.note(f"operations are launched one by one: this network cannot be recorded as a graph ({reason})")
        return eager


class _Flat(nn.Module):
    """A network whose outputs are a tuple of tensors; ``layout`` says of each where it belongs."""

    def __init__(self, network: MultiExitNetwork, fabric: Fabric) -> None:
        super().__init__()
        self.network = network
        # A cast that is kept from one graph to the next would be memory that belongs to neither.
        mixed = precision_name(fabric) == "bfloat16"
        self.autocast = partial(torch.autocast, "cuda", torch.bfloat16, enabled=mixed, cache_enabled=False)
        self.layout: list[tuple[bool, tuple[str, ...]]] = []

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        with self.autocast():
            outputs = self.network.outputs(images)
        outputs = [output.float() for output in outputs]
        self.layout = [(output.logits is not None, tuple(output.extras)) for output in outputs]
        return tuple(tensor for output in outputs for tensor in _tensors(output))

    def nested(self, flat: tuple[Tensor, ...]) -> list[ExitOutput]:
        """Put what :meth:`forward` gave into outputs again."""
        tensors = iter(flat)
        return [
            ExitOutput(
                next(tensors),
                next(tensors),
                next(tensors) if classifies else None,
                {name: next(tensors) for name in extras},
            )
            for classifies, extras in self.layout
        ]


def _tensors(output: ExitOutput) -> list[Tensor]:
    logits = [] if output.logits is None else [output.logits]
    return [output.features, output.embedding, *logits, *output.extras.values()]


def _graphed(network: MultiExitNetwork, shape: tuple[int, ...], fabric: Fabric) -> Outputs:
    # Gradients are added up on the stream of the recording, and passes run on another: torch has the one wait for the
    # other, and warns, since elsewhere that is a mistake.
    warn = getattr(torch.autograd.graph, "set_warn_on_accumulate_grad_stream_mismatch", None)  # not in every release
    if warn is not None:
        warn(False)
    training, searching = network.training, torch.backends.cudnn.benchmark
    flat = _Flat(network, fabric).train()
    images = torch.zeros(shape, device=fabric.device).contiguous(memory_format=torch.channels_last)
    kept = {name: buffer.clone() for name, buffer in network.named_buffers()}
    try:
        # A graph's shapes stay, so the fastest kernels are worth a search. The passes that warm up and record count in
        # no statistics of a batch norm.
        torch.backends.cudnn.benchmark = True
        graphed: Any = torch.cuda.make_graphed_callables(flat, (images,), allow_unused_input=True)
    finally:
        torch.backends.cudnn.benchmark = searching
        with torch.no_grad():
            for name, buffer in network.named_buffers():
                buffer.copy_(kept[name])
        network.train(training)

    def outputs(batch: Tensor) -> list[ExitOutput]:
        tensors: tuple[Tensor, ...] = graphed(batch)
        return flat.nested(tensors)

    return outputs
