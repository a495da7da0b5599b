"""From images to codes: every image through a network, exit by exit."""

from __future__ import annotations

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray

from bench.data.augmentation import normalise
from bench.device import DeviceImages
from bench.errors import BenchError
from bench.networks import MultiExitNetwork
from bench.progress import SILENT, Reporter
from bench.retrieval.codes import pack

Embeddings = list[NDArray[np.uint8] | NDArray[np.float32]]
"""One array an exit: packed codes uint8 (N, ceil(dim / 8)) where binary, float32 (N, dim) where continuous."""


@torch.inference_mode()
def embed_images(
    network: MultiExitNetwork,
    images: DeviceImages,
    places: NDArray[np.int64],
    fabric: Fabric,
    *,
    num_exits: int | None = None,
    batch_size: int = 128,
    title: str = "embedding",
    reporter: Reporter = SILENT,
) -> Embeddings:
    """Embed the images at ``places`` (N,) at the first ``num_exits`` exits (all by default), in evaluation mode."""
    exits = network.exits[:num_exits]
    parts: list[list[NDArray]] = [[] for _ in exits]
    was_training = network.training
    network.eval()
    try:
        with reporter.task(title, len(places), unit="images") as task:
            for chunk in torch.from_numpy(places).split(batch_size):
                batch = normalise(images.batch(chunk)).contiguous(memory_format=torch.channels_last)
                with fabric.autocast():
                    state = network.start(batch)
                    for index, spec in enumerate(exits):
                        state, embedding = network.step(state, index)
                        parts[index].append(_to_array(embedding, spec.code == "binary"))
                task.advance(len(chunk))
    finally:
        network.train(was_training)
    return [np.concatenate(part) for part in parts]


def _to_array(embedding: torch.Tensor, binary: bool) -> NDArray:
    if binary:
        return pack(embedding.to(torch.int8).cpu().numpy())
    values = embedding.float().cpu().numpy()
    if not np.isfinite(values).all():
        raise BenchError("the network's embeddings are not finite: its training went wrong; run again with --fresh")
    return values
