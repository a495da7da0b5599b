"""The recurrent classifier of ETS: from a query and its nearest images to the class easy, skip or hard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from hashreid.exit_classes import CLASSES

BLOCK = 4096
"""Sequences classified at a time: bounds memory."""


@dataclass(frozen=True)
class ClassifierSettings:
    """Settings that the paper does not give, chosen on held-out identities.

    ``class_weights``: ``none``, as in the paper, or ``inverse`` to the frequency of each class, so that rare classes
    weigh as much as common ones together do.
    """

    epochs: int = 20
    batch_size: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    dropout: float = 0.2
    class_weights: Literal["none", "inverse"] = "none"


SETTINGS = ClassifierSettings()


class ExitClassifier(nn.Module):
    """Features of the query and of its nearest images (B, READ, F) → logits (B, 3) of :data:`CLASSES`.

    Two recurrent layers of ``hidden`` units, ReLU, a linear layer (HashReID, section 3.4). Features are standardised by
    mean and scale of the training images.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, features: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.recurrent = nn.GRU(features, hidden, num_layers=2, batch_first=True, dropout=dropout)
        self.classify = nn.Linear(hidden, len(CLASSES))

    def forward(self, sequences: Tensor) -> Tensor:
        """Classify sequences (B, READ, F) of standardised features."""
        _, last = self.recurrent(sequences)
        return self.classify(F.relu(last[-1]))

    def read(self, query: NDArray[np.float16], gallery: NDArray[np.float16], nearest: NDArray[np.int64]) -> Tensor:
        """Logits (B, 3) for queries (B, F) and the gallery images (G, F) with the indices ``nearest`` (B, READ − 1).

        Where ``nearest`` is −1 there is no image; the mean takes its place.
        """
        features = np.concatenate([query[:, None], gallery[nearest]], axis=1)
        sequences = (torch.from_numpy(features).to(self.mean.dtype) - self.mean) / self.scale
        sequences[:, 1:][torch.from_numpy(nearest < 0)] = 0.0
        return self(sequences)


def train_classifier(
    features: NDArray[np.float16],
    neighbours: NDArray[np.int64],
    labels: NDArray[np.int64],
    hidden: int,
    seed: int,
    settings: ClassifierSettings = SETTINGS,
) -> ExitClassifier:
    """Train on images (N, F) with their nearest others (N, READ − 1), labels (N,) into :data:`CLASSES`, −1 left out."""
    with torch.random.fork_rng(devices=[]), _one_thread():
        torch.manual_seed(seed)
        classifier = ExitClassifier(features.shape[1], hidden, settings.dropout)
        kept = np.flatnonzero(labels >= 0)
        seen = features[kept].astype(np.float32)
        classifier.mean.copy_(torch.from_numpy(seen.mean(axis=0)))
        classifier.scale.copy_(torch.from_numpy(seen.std(axis=0)).clamp_min(1e-6))
        class_weights = _inverse_shares(labels[kept]) if settings.class_weights == "inverse" else None
        optimiser = torch.optim.AdamW(
            classifier.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        for _ in range(settings.epochs):
            for batch in torch.randperm(len(kept)).split(settings.batch_size):
                rows = kept[batch.numpy()]
                logits = classifier.read(features[rows], features, neighbours[rows])
                loss = F.cross_entropy(logits, torch.from_numpy(labels[rows]), class_weights)
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
    return classifier.eval()


def _inverse_shares(labels: NDArray[np.int64]) -> Tensor:
    """Weight of each class: the inverse of its share of labels (N,), over the classes' number; 0 where it has none."""
    counts = np.bincount(labels, minlength=len(CLASSES))
    weights = np.divide(len(labels), len(CLASSES) * counts, out=np.zeros(len(CLASSES)), where=counts > 0)
    return torch.from_numpy(weights).float()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute in one thread: over sequences of five, several threads wait longer for each other than they compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@torch.inference_mode()
def class_probabilities(
    classifier: ExitClassifier, query: NDArray[np.float16], gallery: NDArray[np.float16], nearest: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Probabilities (N, 3) of :data:`CLASSES` for queries (N, F) with their nearest gallery images.

    With a classifier in double precision, the result for a query does not depend on the other queries: matrix products
    round differently for different numbers of rows, but these differences vanish when the logits are rounded.
    """
    parts = []
    for first in range(0, len(query), BLOCK):
        rows = slice(first, first + BLOCK)
        logits = classifier.read(query[rows], gallery, nearest[rows])
        parts.append(logits.float().double().softmax(dim=1).numpy())
    return np.concatenate(parts)
