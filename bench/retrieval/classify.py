"""How sure a network's classifiers are of who a query is, among the people it was trained on."""

from __future__ import annotations

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from bench.networks import MultiExitNetwork
from bench.retrieval.codes import unpack
from bench.retrieval.embed import Embeddings
from bench.retrieval.table import FloatArray

BLOCK = 1024
"""Queries classified at a time: bounds memory."""


@torch.inference_mode()
def class_entropies(network: MultiExitNetwork, embeddings: Embeddings, fabric: Fabric) -> tuple[FloatArray, int] | None:
    """Entropy (N, S) in nats of the softmax over the training identities at every exit, and how many these are.

    ``embeddings`` are the queries' at each exit, binary ones packed. None where the network has no classifier at some
    exit.
    """
    was_training = network.training
    network.eval()
    try:
        columns, classes = [], 0
        for index, (spec, codes) in enumerate(zip(network.exits, embeddings, strict=True)):
            values = unpack(codes, spec.dim) if spec.code == "binary" else codes
            parts = []
            for block in torch.from_numpy(values).split(BLOCK):
                logits = network.classify(block.to(fabric.device, torch.float32), index)
                if logits is None:
                    return None
                classes = logits.shape[1]
                parts.append(_entropy(logits.cpu().double()).numpy())
            columns.append(np.concatenate(parts))
    finally:
        network.train(was_training)
    return np.stack(columns, axis=1), classes


def _entropy(logits: Tensor) -> Tensor:
    """Entropy (B,) of the softmax of logits (B, classes)."""
    return torch.special.entr(logits.softmax(dim=1)).sum(dim=1)
