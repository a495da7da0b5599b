"""From images to codes: every image through a network, exit by exit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.data.augmentation import normalise
from bench.data.views import Views
from bench.device import DeviceImages, run_outputs
from bench.errors import BenchError
from bench.networks import MultiExitNetwork, sign
from bench.progress import SILENT, Reporter
from bench.retrieval.codes import half_precision, pack

Embeddings = list[NDArray[np.uint8] | NDArray[np.float32]]
"""One array an exit: packed codes uint8 (N, ceil(dim / 8)) where binary, float32 (N, dim) where continuous."""

DIVERGED = (
    "the network's embeddings are not finite: its training diverged; train again with a lower learning rate "
    "(--set optimiser.learning_rate=…)"
)


@torch.inference_mode()
def embed_images(
    network: MultiExitNetwork,
    images: DeviceImages,
    indices: NDArray[np.int64],
    fabric: Fabric,
    *,
    num_exits: int | None = None,
    extras: bool = False,
    views: Views = "centre",
    batch_size: int = 128,
    title: str = "embedding",
    reporter: Reporter = SILENT,
    shared: bool = False,
) -> Embeddings:
    """Embed the images at ``indices`` (N,) at the first ``num_exits`` exits (all by default), in evaluation mode.

    With ``extras``, at the network's extras instead.

    ``shared`` among the processes of a run, which all call this, each embeds its part of the batches and has all.

    Of several ``views`` an image has the mean embedding; a binary code is the sign of the mean, a majority of views.

    Raises :class:`BenchError` where floats are not finite, and where a network with binary codes makes NaN of the first
    images: its codes would be −1 throughout, and look like codes.
    """
    exits = network.extras if extras else network.exits[:num_exits]
    embed = network.embed_extras if extras else partial(network.embed, num_exits=len(exits))
    parts: list[list[NDArray]] = [[] for _ in exits]
    was_training = network.training
    network.eval()
    try:
        chunks = torch.from_numpy(indices).split(batch_size)
        if shared:
            chunks = chunks[fabric.global_rank :: fabric.world_size]
        with reporter.task(title, sum(map(len, chunks)), unit="images") as task:
            for chunk in chunks:
                cut = images.views(chunk, views)
                sums: list[Tensor] = []
                for view in cut:
                    batch = normalise(view).contiguous(memory_format=torch.channels_last)
                    first = not any(parts) and not sums and any(spec.code == "binary" for spec in exits)
                    with fabric.autocast(), _refusing_nan(network, watched=first):
                        embedded = [embedding.float() for embedding in embed(batch)]
                    sums = [one + other for one, other in zip(sums, embedded, strict=True)] if sums else embedded
                for part, spec, total in zip(parts, exits, sums, strict=True):
                    binary = spec.code == "binary"
                    mean = total if len(cut) == 1 else total / len(cut)
                    part.append(_to_array(sign(mean) if binary and len(cut) > 1 else mean, binary))
                task.advance(len(chunk))
    finally:
        network.train(was_training)
    if shared and fabric.world_size > 1:
        parts = [_from_all(part, fabric.world_size) for part in parts]
    return [np.concatenate(part) for part in parts]


def _from_all(mine: list[NDArray], processes: int) -> list[NDArray]:
    """Put pieces that processes took in turn together again."""
    parts: list[list[NDArray]] = [[] for _ in range(processes)]
    torch.distributed.all_gather_object(parts, mine)
    return [part[turn] for turn in range(len(parts[0])) for part in parts if turn < len(part)]


@torch.inference_mode()
def embed_first_exit(
    network: MultiExitNetwork,
    images: DeviceImages,
    indices: NDArray[np.int64],
    fabric: Fabric,
    *,
    batch_size: int = 128,
    title: str = "first exit",
    reporter: Reporter = SILENT,
) -> tuple[NDArray[np.uint8] | NDArray[np.float32], NDArray[np.float16]]:
    """Run the images at ``indices`` (N,) to the first exit: their codes, and the features (N, F) that its head reads.

    Codes are those of :func:`embed_images` for the middle view. Features are kept in half precision: they are read by
    a small classifier, never matched.
    """
    binary = network.exits[0].code == "binary"
    codes, features = [], []
    was_training = network.training
    network.eval()
    try:
        with reporter.task(title, len(indices), unit="images") as task:
            for chunk in torch.from_numpy(indices).split(batch_size):
                batch = normalise(images.views(chunk)[0]).contiguous(memory_format=torch.channels_last)
                output = run_outputs(network, batch, fabric, num_exits=1)[0]
                codes.append(_to_array(output.embedding, binary))
                features.append(half_precision(output.features.flatten(1).cpu().numpy()))
                task.advance(len(chunk))
    finally:
        network.train(was_training)
    return np.concatenate(codes), np.concatenate(features)


def _to_array(embedding: Tensor, binary: bool) -> NDArray:
    if binary:
        return pack(embedding.to(torch.int8).cpu().numpy())
    values = embedding.float().cpu().numpy()
    if not np.isfinite(values).all():
        raise BenchError(DIVERGED)
    return values


@contextmanager
def _refusing_nan(network: nn.Module, *, watched: bool) -> Iterator[None]:
    """Raise :class:`BenchError` where a layer puts out NaN meanwhile; nothing is looked at unless ``watched``."""
    found: list[Tensor] = []

    def look(layer: nn.Module, given: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.is_floating_point():
            found.append(output.isnan().any())

    layers = [layer for layer in network.modules() if not any(layer.children())] if watched else []
    # Layers that were compiled by TorchScript take no hooks; what follows them is looked at.
    hooks = [layer.register_forward_hook(look) for layer in layers if not isinstance(layer, torch.jit.ScriptModule)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    if found and torch.stack(found).any():
        raise BenchError(DIVERGED)
