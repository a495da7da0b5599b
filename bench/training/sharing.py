"""One batch on several devices: each has an equal part of the identities, and the loss sees all of them.

Every process computes the loss of the whole batch, from outputs gathered from all. Gradients flow through its own part;
those of the parameters are then the mean over the processes, so the loss is multiplied by their number first. The sum
of the parts is the gradient of the whole batch, as one device would have it. Batch norm takes its mean and variance
over the whole batch, and all that is random, in the views and in masks of dropout, is drawn for the whole batch.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from bench.device import run_outputs
from bench.networks import ExitOutput, MultiExitNetwork

Loss = Callable[[Sequence[ExitOutput], Tensor], dict[str, Tensor]]


class SharedStep(nn.Module):
    """The outputs of this process's part of a batch and the terms of the loss: over the whole, or over its part."""

    def __init__(self, network: MultiExitNetwork, loss: Loss, fabric: Fabric, *, per_device: bool) -> None:
        super().__init__()
        self.network, self.loss, self.fabric, self.per_device = network, loss, fabric, per_device

    def forward(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Give the named terms for images (B / processes, 3, H, W) and the labels (B,) of the whole batch."""
        outputs = run_outputs(self.network, images, self.fabric)
        if self.per_device:
            labels = labels[part_of(len(labels), self.fabric)]
        else:
            outputs = [_gathered(output, len(images)) for output in outputs]
        # Fabric enters autocast for the whole of this method, and losses are float32.
        with torch.autocast(images.device.type, enabled=False):
            return self.loss(outputs, labels)

    def scaled(self, total: Tensor) -> Tensor:
        """Scale this process's loss so that the mean of the gradients over processes is that of the whole batch's."""
        return total if self.per_device else total * self.fabric.world_size


def part_of(length: int, fabric: Fabric) -> slice:
    """Say which part of ``length`` images is this process's; a batch has the images of an identity side by side."""
    size = length // fabric.world_size
    return slice(fabric.global_rank * size, (fabric.global_rank + 1) * size)


def _gathered(output: ExitOutput, length: int) -> ExitOutput:
    def gather(tensor: Tensor) -> Tensor:
        if tensor.dim() == 0 or len(tensor) != length or isinstance(tensor, nn.Parameter):
            return _mean_of_all(tensor)
        parts = [torch.empty_like(tensor, memory_format=torch.contiguous_format) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, tensor.detach().contiguous())
        parts[dist.get_rank()] = tensor  # the one through which gradients flow
        return torch.cat(parts)

    logits = None if output.logits is None else gather(output.logits)
    extras = {name: gather(tensor) for name, tensor in output.extras.items()}
    return ExitOutput(gather(output.features), gather(output.embedding), logits, extras)


def _mean_of_all(tensor: Tensor) -> Tensor:
    """Give the mean over processes of what no image has for itself: a mean over images, or the same everywhere.

    Every process has a part of the gradient, so that their sum is the whole's.
    """
    if not tensor.requires_grad:
        return mean_over_processes(tensor) if tensor.is_floating_point() else tensor
    part = tensor / dist.get_world_size()
    return part + (mean_over_processes(tensor) - part.detach())


MASKS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
"""Modules that multiply by a mask that is drawn for every batch."""


@contextmanager
def as_on_one_device(network: nn.Module) -> Iterator[None]:
    """Have batch norms and dropouts of a network in training do what they do on one device, within the block.

    Every batch norm takes mean and variance over all processes (torch's SyncBatchNorm does not work on processors, and
    would stay in the network), and every dropout takes its part of a mask for the whole batch.
    """
    changed = []
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.forward = partial(_normalise, module)  # type: ignore[method-assign]
        elif isinstance(module, MASKS):
            module.forward = partial(_drop, module)  # type: ignore[method-assign]
        else:
            continue
        changed.append(module)
    try:
        with warnings.catch_warnings():
            # Of gradients laid out otherwise than torch's buckets: a matter of speed, which users can do nothing about.
            warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides", UserWarning)
            yield
    finally:
        for module in changed:
            del module.forward


def _drop(dropout: nn.Module, images: Tensor) -> Tensor:
    """Do what dropout does to (B, …), with B being the images of all processes, whose generators are in one state."""
    if not dropout.training:
        return images
    size = len(images)
    whole = images.new_ones((size * dist.get_world_size(), *images.shape[1:]))
    if images.dim() == 4 and not images.is_contiguous():
        whole = whole.contiguous(memory_format=torch.channels_last)  # numbers are drawn in the order of the memory
    mask = type(dropout).forward(dropout, whole)
    return images * mask[dist.get_rank() * size :][:size]


class _SumOfAll(torch.autograd.Function):
    """The sum over processes; every process's loss depends on it, so gradients are summed as well."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total


def _normalise(norm: _BatchNorm, images: Tensor) -> Tensor:
    """Do what batch norm does to (B, C, …), with B being the images of all processes, as many on each."""
    if not norm.training:
        return type(norm).forward(norm, images)
    dims = [0, *range(2, images.dim())]
    shape = [1, -1] + [1] * (images.dim() - 2)
    values = images.float()
    count = values.numel() // values.shape[1] * dist.get_world_size()
    mean = _SumOfAll.apply(values.sum(dims)) / count
    centred = values - mean.view(shape)
    variance = _SumOfAll.apply(centred.square().sum(dims)) / count
    if norm.track_running_stats and norm.running_mean is not None and norm.running_var is not None:
        with torch.no_grad():
            assert norm.num_batches_tracked is not None
            norm.num_batches_tracked.add_(1)
            momentum = 1 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
            norm.running_mean.lerp_(mean.detach().to(norm.running_mean.dtype), momentum)
            unbiased = variance.detach() * count / max(count - 1, 1)
            norm.running_var.lerp_(unbiased.to(norm.running_var.dtype), momentum)
    normalised = centred * (variance + norm.eps).rsqrt().view(shape)
    if norm.affine:
        normalised = normalised * norm.weight.view(shape) + norm.bias.view(shape)
    return normalised.to(images.dtype)


def mean_over_processes(value: Tensor) -> Tensor:
    """Average a tensor over all processes."""
    value = value.detach().clone()
    dist.all_reduce(value)
    return value / dist.get_world_size()
