"""The retrieval history of the training images, from which ETS (exit using training statistics) learns.

Ten times during training, the nearest other training image of every training image is searched with the embeddings of
the first exit, and it is recorded whether it shows the same identity (HashReID, section 3.4). Images of the same camera
are left out, as in the test.
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
"""Number of measurements during training: HashReID measures every 10 of 100 epochs."""
UNDECIDED = -1
"""Value of an image whose identity no other camera shows: it has no match."""


def measured_epochs(epochs: int) -> tuple[int, ...]:
    """Epochs (from 1) after which retrieval is measured: at every tenth of training, including the last."""
    return tuple(sorted({max(1, round(epochs * number / MEASUREMENTS)) for number in range(1, MEASUREMENTS + 1)}))


@dataclass(frozen=True)
class TrainingImages:
    """The training images: their indices (N,) in a store, identities (N,), cameras (N,), and labels (N,) from 0."""

    images: DeviceImages
    indices: NDArray[np.int64]
    pids: NDArray[np.int64]
    camids: NDArray[np.int64]
    labels: NDArray[np.int64]

    @property
    def num_identities(self) -> int:
        """Number of identities."""
        return int(self.labels.max()) + 1


def measure_retrieval(
    network: MultiExitNetwork, samples: TrainingImages, fabric: Fabric, reporter: Reporter = SILENT
) -> NDArray[np.int8]:
    """Whether the nearest image at the first exit is right, for every training image: (N,) 1 yes, 0 no, −1 no match."""
    title = "training retrieval: first exit over the training images"
    (codes,) = embed_images(
        network, samples.images, samples.indices, fabric, num_exits=1, title=title, reporter=reporter, shared=True
    )
    gallery = GalleryIndex(codes, samples.pids, samples.camids)
    nearest = gallery.search(codes, camids=samples.camids, k=1).indices[:, 0]
    right = samples.pids[nearest] == samples.pids
    findable = GalleryLabels(samples.pids, samples.camids).has_match(samples.pids, samples.camids)
    return np.where(findable, right, UNDECIDED).astype(np.int8)
