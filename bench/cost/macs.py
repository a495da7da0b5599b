"""Multiply-adds of every exit of a network.

The convention, :data:`CONVENTION`:

* 1 MAC is one fused multiply-add. Convolution, linear, matrix product, attention and recurrent layers are MACs, and
  nothing else is; their biases ride along. Half of what counters of "FLOPs at 2 a multiply-add" report.
* Elementwise operations are a second column that is never added to the first: 1 for each element that an activation,
  sum, product, comparison or sign returns; 1 for each element that a reduction or adaptive pooling reads, and for each
  element of each pooling window; batch norm 2 an element, group and layer norm 5, softmax 3. Moving, reshaping and
  creating tensors is free. A GRU has 11 a hidden unit and time step, an LSTM 13, a plain recurrent layer 2.
* Counted on a copy in evaluation mode, on the CPU in float32, for one image, by tracing each ``step`` with all that it
  returns: the state as well as the embedding, since work that only a later exit reads is paid for at this one.
  ``start`` belongs to the first step.
* A product of ±1 with ±1 is a MAC like any other: that is how it runs here. Which MACs these are is a column of its
  own, for machines that do 64 of them at once (bench/cost/axes/operations.py names that rate).
* Work of modules under ``heads`` belongs to the head, all else to the trunk. A query that leaves at exit ``s`` has run
  every head up to and including that of ``s``.

A trace loses what a step computes and neither returns nor uses. The kernels that run are therefore watched as well, by
torch's own counter: a count that falls short of them is an error.
A step's cost must not depend on the image: where a network branches on values, the trace follows one of the branches.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.cost.kernels import KernelMacs, KernelWatch, plain_kernels
from bench.cost.operators import Work
from bench.cost.tracing import OperatorCost, trace
from bench.errors import BenchError
from bench.networks import MultiExitNetwork, State, map_state, state_tensors

CONVENTION = (
    "1 MAC = one fused multiply-add of a convolution, linear, matrix product, attention or recurrent layer (bias "
    "included); elementwise operations (normalisation, activations, pooling, sums) are a column of their own, never in "
    "MACs; evaluation mode, batch norm not folded, float32, one image, every head up to the exit run; matching apart"
)
"""The convention in one sentence, kept with every ledger."""


@dataclass(frozen=True)
class StepCost:
    """Cost of one step, from one exit to the next, for one image.

    ``binary_macs`` are those of the MACs whose factors are ±1 (:data:`bench.networks.BINARY_PRODUCTS`). Parameters are
    those that inference reads, counted at the step that reads them first; classifiers that only training uses are not
    counted.
    """

    exit_name: str
    trunk_macs: int
    head_macs: int
    elementwise_operations: int
    binary_macs: int
    trunk_parameters: int
    head_parameters: int
    operators: tuple[OperatorCost, ...]

    @property
    def macs(self) -> int:
        """MACs of trunk and head."""
        return self.trunk_macs + self.head_macs


def exit_macs(network: MultiExitNetwork, input_size: tuple[int, int]) -> NDArray[np.int64]:
    """(S,) cumulative MACs of each exit, for one image of ``input_size`` (height, width).

    A query that leaves at exit ``s`` has passed every earlier exit and run every head on the way.
    """
    return np.cumsum([step.macs for step in count(network, input_size)], dtype=np.int64)


def count(network: MultiExitNetwork, input_size: tuple[int, int]) -> tuple[StepCost, ...]:
    """Count every step of ``network``, (S) of them, for one image of ``input_size`` (height, width).

    Raises :class:`BenchError` for an operator without a handler, or where kernels did more than was counted.
    """
    counted = []
    for step, ran in _count(network, input_size):
        if step.macs < sum(ran):
            raise _disagreement(network, step, ran)
        counted.append(step)
    return tuple(counted)


def alone_macs(network: MultiExitNetwork, input_size: tuple[int, int]) -> NDArray[np.int64]:
    """(S,) MACs of all that the embedding of each exit depends on, for one image of ``input_size`` (height, width).

    That is a network with this exit alone: of heads, and of what only other exits need, nothing is run. An exit that
    fuses earlier ones has their heads in it. Raises :class:`BenchError` for an operator without a handler.
    """
    network = _counted_copy(network)
    location = f"the steps of {type(network).__name__}"
    # The tracer drops what the result does not depend on, which is what is asked for here.
    with torch.no_grad(), plain_kernels():
        traced = [
            trace(_WayToExit(network, index), (_image(input_size),), location) for index in range(len(network.exits))
        ]
    return np.array([one.total.macs for one in traced], dtype=np.int64)


def module_work(module: nn.Module, *inputs: Tensor) -> Work:
    """MACs and elementwise operations of one call of ``module``, for policies with a network of their own.

    Raises :class:`BenchError` for an operator without a handler.
    """
    with torch.no_grad(), plain_kernels():
        arguments = tuple(value.detach().to("cpu", copy=True) for value in inputs)
        return trace(_counted_copy(module), arguments, type(module).__name__).total


def cross_check(network: MultiExitNetwork, input_size: tuple[int, int]) -> NDArray[np.int64]:
    """(S,) cumulative MACs of each exit by two counters; raises :class:`BenchError` where they differ.

    The other counter is torch's ``FlopCounterMode``, which watches kernels and counts 2 a MAC. It has no formula for
    some operators, so it may fall short where :func:`count` is right; for usual layers the two are equal.
    Convolutions and all other MACs are compared apart, step by step.
    """
    counted = list(_count(network, input_size))
    for step, ran in counted:
        convolution = sum(cost.macs for cost in step.operators if "conv" in cost.name)
        if (convolution, step.macs - convolution) != ran:
            raise _disagreement(network, step, ran)
    return np.cumsum([step.macs for step, _ in counted], dtype=np.int64)


# ---- all steps -------------------------------------------------------------------------------------------------


def _count(network: MultiExitNetwork, input_size: tuple[int, int]) -> Iterator[tuple[StepCost, KernelMacs]]:
    """Trace each step, then run it: the run brings the next state, and shows what kernels and parameters it used."""
    network = _counted_copy(network)
    head_parameters = {id(parameter) for parameter in network.heads.parameters()}
    unread = {id(parameter): parameter.numel() for parameter in network.parameters()}
    state: State = _image(input_size)
    for index, spec in enumerate(network.exits):
        location = f"step {index} (exit {spec.name!r}) of {type(network).__name__}"
        with torch.no_grad(), plain_kernels():
            # A step may write into its state. Nothing may watch kernels meanwhile: the tracer would lose convolutions.
            inputs = tuple(tensor.clone() for tensor in state_tensors(state))
            traced = trace(_Step(network, index, state), inputs, location)
            with KernelWatch() as watch:
                state, embedding = _take_step(network, state, index)
        if embedding.shape != (1, spec.dim):
            raise BenchError(
                f"{location} should return an embedding of shape (1, {spec.dim}), as its ExitSpec says, and returned "
                f"{tuple(embedding.shape)}. Correct the dim in `exits`, or the head."
            )
        new = {key: unread.pop(key) for key in watch.parameters_read & unread.keys()}
        step = StepCost(
            exit_name=spec.name,
            trunk_macs=traced.total.macs - traced.head.macs,
            head_macs=traced.head.macs,
            elementwise_operations=traced.total.elementwise_operations,
            binary_macs=traced.binary_macs,
            trunk_parameters=sum(size for key, size in new.items() if key not in head_parameters),
            head_parameters=sum(size for key, size in new.items() if key in head_parameters),
            operators=traced.operators,
        )
        yield step, watch.macs


def _disagreement(network: MultiExitNetwork, step: StepCost, ran: KernelMacs) -> BenchError:
    """Error for two counters that differ."""
    convolution = sum(cost.macs for cost in step.operators if "conv" in cost.name)
    return BenchError(
        f"two counters disagree on the step to exit {step.exit_name!r} of {type(network).__name__}: the trace has "
        f"{convolution:,} MACs of convolution and {step.macs - convolution:,} others, the kernels that ran did "
        f"{ran[0]:,} and {ran[1]:,}. Look for work whose result the step neither returns nor uses, or for a wrong "
        "handler in bench/cost/operators.py."
    )


# ---- one step --------------------------------------------------------------------------------------------------


def _counted_copy(module: Any) -> Any:
    """Copy a module into the state that is counted; the original keeps its mode, device and statistics."""
    return copy.deepcopy(module).cpu().float().eval()


def _image(input_size: tuple[int, int]) -> Tensor:
    """One image (1, 3, H, W) of fixed noise, leaving torch's own random numbers alone."""
    generator = torch.Generator("cpu").manual_seed(0)
    return torch.rand(1, 3, *input_size, generator=generator, device="cpu", dtype=torch.float32)


def _take_step(network: MultiExitNetwork, state: State, index: int) -> tuple[State, Tensor]:
    """Run one step; the state before the first is the image."""
    return network.step(network.start(state) if index == 0 else state, index)


class _Step(nn.Module):
    """One step as the tracer wants it: flat tensors in, a flat tuple of all that the step returns out.

    ``heads`` is registered before the network, so that heads are called ``heads.N`` whatever else refers to them.
    """

    def __init__(self, network: MultiExitNetwork, index: int, state: State) -> None:
        super().__init__()
        self.heads = network.heads
        self.network = network
        self.index = index
        self.form = state

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        flat = iter(tensors)
        state = map_state(self.form, lambda _: next(flat))
        state, embedding = _take_step(self.network, state, self.index)
        return (*state_tensors(state), embedding)


class _WayToExit(nn.Module):
    """All steps up to one exit, from an image to the embedding there and nothing else."""

    def __init__(self, network: MultiExitNetwork, last: int) -> None:
        super().__init__()
        self.heads = network.heads
        self.network = network
        self.last = last

    def forward(self, image: Tensor) -> Tensor:
        state, embedding = _take_step(self.network, image, 0)
        for index in range(1, self.last + 1):
            state, embedding = _take_step(self.network, state, index)
        return embedding
