"""What a run would cost here: multiply-adds of its network, and time by trying a batch or two."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch

from bench.cost.macs import exit_macs
from bench.data.augmentation import normalise, training_view
from bench.device import open_device, precision_name, wait_for
from bench.networks import MultiExitNetwork
from bench.running.request import RunRequest
from bench.training.graphs import outputs_of
from bench.training.schedule import build_optimiser

PATIENCE_SECONDS = 10.0
TRIES = 7
"""A job is tried so often, or until patience is over; the first try warms up, and counts where it is the only one."""
EMBEDDED = 64
"""Images embedded in a try."""


@dataclass(frozen=True)
class Estimate:
    """Multiply-adds of every exit, and seconds on this device; ``device`` names it with its precision."""

    macs: tuple[int, ...]
    training_batch_seconds: float
    embedding_image_seconds: float
    device: str


def estimate(request: RunRequest, num_identities: int) -> Estimate:
    """Build the network of a request without its pretrained weights, count it, and try it on noise."""
    method, options, recipe = request.resolve()
    if "weights" in options:
        options["weights"] = "none"
    network = method.build(options, num_identities, recipe.input_size)
    macs = tuple(int(count) for count in exit_macs(network, recipe.input_size))
    fabric = open_device(request.device, request.precision)
    fabric.to_device(network).to(memory_format=torch.channels_last)
    generator = torch.Generator(device=fabric.device).manual_seed(0)
    shape = (recipe.batch_size, 3, *recipe.stored_size)
    stored = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator, device=fabric.device)
    labels = torch.arange(recipe.identities_per_batch, device=fabric.device) % num_identities
    labels = labels.repeat_interleave(recipe.images_per_identity)
    optimiser = build_optimiser(recipe.optimiser, network.parameters(), fabric.device.type)
    compute = outputs_of(network.train(), (recipe.batch_size, 3, *recipe.input_size), fabric)

    def train() -> None:
        network.train()
        images = training_view(stored, recipe, generator).contiguous(memory_format=torch.channels_last)
        outputs = compute(images)
        optimiser.zero_grad(set_to_none=True)
        torch.stack(list(method.loss(outputs, labels, options).values())).sum().backward()
        optimiser.step()

    height, width = recipe.input_size
    images = normalise(stored[:EMBEDDED, :, :height, :width]).contiguous(memory_format=torch.channels_last)

    def embed() -> None:
        network.eval()
        with torch.inference_mode(), fabric.autocast():
            network.embed(images)

    return Estimate(
        macs,
        training_batch_seconds=_seconds(train, network),
        embedding_image_seconds=_seconds(embed, network) / len(images),
        device=f"{fabric.device.type}, {precision_name(fabric)}",
    )


def _seconds(job: Callable[[], None], network: MultiExitNetwork) -> float:
    """Give the median time of a job."""
    taken: list[float] = []
    while len(taken) < TRIES and sum(taken) < PATIENCE_SECONDS:
        started = time.perf_counter()
        job()
        wait_for(next(network.parameters()).device)
        taken.append(time.perf_counter() - started)
    return median(taken[1:] or taken)
