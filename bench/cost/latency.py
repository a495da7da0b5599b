"""Seconds, and joules where there is a counter: what a network takes to each of its exits on this machine.

What is timed is what is run: ``start`` and ``step``, from normalised images on the device to the embedding there.
Decoding, moving images and matching are not in it. Weights do not change how long an arithmetic operation takes, so
an untrained network will do.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from bench.cost.energy import EnergyMeter
from bench.device import wait_for
from bench.errors import BenchError
from bench.memory import check_fits
from bench.networks import MultiExitNetwork

PRACTICE_RUNS = 3
LEAST_RUNS = 10


@dataclass(frozen=True)
class Latency:
    """Milliseconds from images to the embedding of each of S exits, all steps before it included, for one batch."""

    exits: tuple[str, ...]
    batch: int
    runs: int
    """How often it was run; the values below are the median and the quartiles of that."""
    milliseconds: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@torch.inference_mode()
def measure_latency(
    network: MultiExitNetwork, input_size: tuple[int, int], fabric: Fabric, *, batch: int = 1, seconds: float = 2.0
) -> Latency:
    """Run ``batch`` images of ``input_size`` (height, width) through all exits for ``seconds``, ten times at least.

    The clock is read after every step, once the device is done with it. Raises :class:`BenchError` for a batch below 1,
    or one that memory cannot hold.
    """
    network, images = _ready(network, input_size, fabric, batch)
    taken: list[list[float]] = []
    started = time.perf_counter()
    while len(taken) < PRACTICE_RUNS + LEAST_RUNS or time.perf_counter() - started < seconds:
        with fabric.autocast():
            wait_for(fabric.device)
            times = [time.perf_counter()]
            state = network.start(images)
            for index in range(len(network.exits)):
                state, _ = network.step(state, index)
                wait_for(fabric.device)
                times.append(time.perf_counter())
        taken.append([1e3 * (end - times[0]) for end in times[1:]])
    quartiles = np.percentile(taken[PRACTICE_RUNS:], [25, 50, 75], axis=0)
    low, middle, high = (tuple(float(value) for value in row) for row in quartiles)
    names = tuple(spec.name for spec in network.exits)
    return Latency(names, batch, len(taken) - PRACTICE_RUNS, middle, low, high)


@torch.inference_mode()
def measure_joules(
    network: MultiExitNetwork,
    input_size: tuple[int, int],
    fabric: Fabric,
    meter: EnergyMeter,
    *,
    batch: int = 1,
    seconds: float = 2.0,
) -> tuple[float, ...] | None:
    """Joules that ``meter`` counts from images to each of S exits, for one batch; None without a counter that counts.

    Each exit has a window of its own, of ``seconds`` and of as long as a counter needs. Whatever else the device does
    meanwhile is counted too, idling included. Raises :class:`BenchError` as :func:`measure_latency` does.
    """
    if meter.read is None:
        return None
    network, images = _ready(network, input_size, fabric, batch)
    joules = []
    for last in range(len(network.exits)):
        runs, window = 0, meter.window()
        while not runs or window.too_short or time.perf_counter() - window.started < seconds:
            with fabric.autocast():
                state = network.start(images)
                for index in range(last + 1):
                    state, _ = network.step(state, index)
                wait_for(fabric.device)
            runs += 1
        counted = window.end(runs).joules
        if counted is None:
            return None
        joules.append(counted / runs)
    return tuple(joules)


def _ready(
    network: MultiExitNetwork, input_size: tuple[int, int], fabric: Fabric, batch: int
) -> tuple[MultiExitNetwork, torch.Tensor]:
    """Bring a network and a batch of noise to the device."""
    if batch < 1:
        raise BenchError(f"a batch holds 1 image or more; found {batch}")
    network = network.eval()
    if fabric.device.type == "cpu":
        needed = batch * image_bytes(network, input_size)
        check_fits(needed, f"a batch of {batch:,} images", "take a smaller --batch")
    network = fabric.to_device(network).to(memory_format=torch.channels_last)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch, 3, *input_size, generator=generator).to(fabric.device)
    return network, images.contiguous(memory_format=torch.channels_last)


def image_bytes(network: MultiExitNetwork, input_size: tuple[int, int]) -> int:
    """Bytes that one image takes on its way through, at least: itself, with the widest module's input and output."""
    image = torch.zeros(1, 3, *input_size)
    widest = 0

    def measure(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        nonlocal widest
        found = [value for value in (*inputs, output) if isinstance(value, torch.Tensor)]
        widest = max(widest, sum(value.nbytes for value in found))

    hooks = [module.register_forward_hook(measure) for module in network.modules() if not any(module.children())]
    try:
        state = network.start(image)
        for index in range(len(network.exits)):
            state, _ = network.step(state, index)
    finally:
        for hook in hooks:
            hook.remove()
    return image.nbytes + widest
