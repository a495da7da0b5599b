"""Retrieval statistics taken while training: what Exit using Training Statistics learns from.

Ten times during training, every training image is asked whether its nearest other training image, as the first
exit sees it, shows the same person (HashReID, section 3.4). Images of its own camera are left out, as in the test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from lightning_fabric import Fabric
from numpy.typing import NDArray

from bench.device import DeviceImages
from bench.networks import MultiExitNetwork
from bench.progress import SILENT, Reporter
from bench.retrieval.embed import embed_images
from bench.retrieval.labels import GalleryLabels
from bench.retrieval.neighbours import GalleryIndex

MEASUREMENTS = 10
"""How often the statistics are taken: HashReID takes them every 10 of 100 epochs."""
UNDECIDED = -1
"""Value of an image whose person no other camera shows: there is nothing to retrieve."""


def measured_epochs(epochs: int) -> tuple[int, ...]:
    """Epochs (1-based) after which retrieval is measured: every tenth of training, the last included."""
    return tuple(sorted({max(1, round(epochs * number / MEASUREMENTS)) for number in range(1, MEASUREMENTS + 1)}))


@dataclass(frozen=True)
class TrainingImages:
    """The images trained on: their indices (N,) in a store, identities (N,), cameras (N,), labels (N,) from 0."""

    images: DeviceImages
    indices: NDArray[np.int64]
    pids: NDArray[np.int64]
    camids: NDArray[np.int64]
    labels: NDArray[np.int64]

    @property
    def num_identities(self) -> int:
        """Count the identities."""
        return int(self.labels.max()) + 1


def measure_retrieval(
    network: MultiExitNetwork, samples: TrainingImages, fabric: Fabric, reporter: Reporter = SILENT
) -> NDArray[np.int8]:
    """Ask every training image for its nearest at the first exit: (N,) 1 right, 0 wrong, −1 nothing to find."""
    title = "training retrieval: first exit over the training images"
    (codes,) = embed_images(
        network, samples.images, samples.indices, fabric, num_exits=1, title=title, reporter=reporter
    )
    gallery = GalleryIndex(codes, samples.pids, samples.camids)
    nearest = gallery.search(codes, camids=samples.camids, k=1).indices[:, 0]
    right = samples.pids[nearest] == samples.pids
    findable = GalleryLabels(samples.pids, samples.camids).has_match(samples.pids, samples.camids)
    return np.where(findable, right, UNDECIDED).astype(np.int8)
