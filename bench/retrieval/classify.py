"""How sure a network's classifiers are of who a query is, among the people it was trained on."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.networks import MultiExitNetwork
from bench.retrieval.codes import unpack
from bench.retrieval.embed import Embeddings
from bench.retrieval.table import FloatArray

BLOCK = 1024
"""Queries classified at a time: bounds memory."""


class Classifier:
    """The classifiers of a network, read at one exit at a time."""

    def __init__(self, network: MultiExitNetwork, classes: int) -> None:
        self.network, self.classes = network, classes

    @classmethod
    @torch.inference_mode()
    def of(cls, network: MultiExitNetwork) -> Classifier | None:
        """Copy the classifiers of a network, in double precision on the processor; None where some exit has none."""
        classes = 0
        for index, spec in enumerate(network.exits):
            device = next(network.parameters()).device
            with _evaluating(network):
                logits = network.classify(torch.zeros(1, spec.dim, device=device), index)
            if logits is None:
                return None
            classes = logits.shape[1]
        return cls(copy.deepcopy(network).cpu().double().eval(), classes)

    @torch.inference_mode()
    def entropy(self, embedding: NDArray[Any], exit_index: int) -> FloatArray:
        """Entropy (n,) in nats of the softmax over the training identities, of codes (n, …) at one exit.

        A query's entropy does not depend on the other queries: matrix products round differently for different numbers
        of rows, but in double precision these differences vanish when the logits are rounded.
        """
        spec = self.network.exits[exit_index]
        values = unpack(embedding, spec.dim) if spec.code == "binary" else embedding
        parts = []
        for block in torch.from_numpy(values).split(BLOCK):
            logits = self.network.classify(block.double(), exit_index)
            assert logits is not None
            parts.append(_entropy(logits.float().double()).numpy())
        return np.concatenate(parts)


def class_entropies(network: MultiExitNetwork, embeddings: Embeddings) -> tuple[FloatArray, int] | None:
    """Entropy (N, S) in nats of the softmax over the training identities at every exit, and how many these are.

    ``embeddings`` are the queries' at each exit, binary ones packed. None where the network has no classifier at some
    exit.
    """
    classifier = Classifier.of(network)
    if classifier is None:
        return None
    columns = [classifier.entropy(codes, index) for index, codes in enumerate(embeddings)]
    return np.stack(columns, axis=1), classifier.classes


@contextmanager
def _evaluating(network: MultiExitNetwork) -> Iterator[None]:
    """Put a network into evaluation mode, and back."""
    was_training = network.training
    if was_training:
        network.eval()
    try:
        yield
    finally:
        if was_training:
            network.train()


def _entropy(logits: Tensor) -> Tensor:
    """Entropy (B,) of the softmax of logits (B, classes)."""
    return torch.special.entr(logits.softmax(dim=1)).sum(dim=1)
