"""The images of a run, found again by the name of its dataset and checked against its fingerprint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data.augmentation import normalise
from bench.data.dataset import DatasetReader, DatasetRequest, ImageSample
from bench.data.images import ImageStore, dataset_fingerprint, open_store
from bench.data.split import hold_out
from bench.data.views import cut_views
from bench.errors import BenchError
from bench.inference.export.trained import TrainedRun
from bench.inference.export.write import CalibrationImages
from bench.progress import SILENT, Reporter


@dataclass(frozen=True)
class RunImages:
    """The decoded images of a run's three splits."""

    run: TrainedRun
    train: ImageStore
    query: ImageStore
    gallery: ImageStore

    def normalised(self, store: ImageStore, indices: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """Give images of a store as a network takes them: float32 (B, 3, H, W)."""
        pixels = store.batch(np.asarray(indices, dtype=np.int64))
        return normalise(cut_views(pixels, self.run.input_size, "centre")[0]).numpy()

    def batches(self, store: ImageStore, size: int) -> Iterator[NDArray[np.float32]]:
        """Give all images of a store, ``size`` at a time."""
        for first in range(0, len(store.samples), size):
            yield self.normalised(store, range(first, min(first + size, len(store.samples))))

    def queries(self, count: int) -> NDArray[np.float32]:
        """Give ``count`` query images, or all there are, evenly spread: (N, 3, H, W)."""
        return self.normalised(self.query, _spread(len(self.query.samples), count))

    def for_calibration(self, count: int) -> CalibrationImages:
        """Give images that fix the ranges of int8: of identities held out of training, where the run holds any out."""
        spec = self.run.spec
        _, *held_out = hold_out(self.train.samples, spec["calibration_share"], spec["seed"])
        samples: Sequence[ImageSample] = [sample for part in held_out for sample in part]
        whose = "identities held out of training"
        if not samples:
            samples, whose = self.train.samples, "training identities"
        indices = self.train.indices([samples[index] for index in _spread(len(samples), count)])
        return CalibrationImages(self.normalised(self.train, indices), f"{len(indices)} images of {whose}")


def open_run_images(
    run: TrainedRun, reader: DatasetReader, request: DatasetRequest, cache: Path, reporter: Reporter = SILENT
) -> RunImages:
    """Read the images of a run. Raises :class:`BenchError` where they are not those that the run was made with."""
    dataset = reader.open(request, reporter)
    train, query, gallery = (
        open_store(samples, run.stored_size, cache / "images", reporter)
        for samples in (dataset.train, dataset.query, dataset.gallery)
    )
    if dataset_fingerprint(train, query, gallery) != run.spec["fingerprint"]:
        raise BenchError(
            f"{dataset.name} in {dataset.root} is not the data of this run ({run.spec['dataset']}): the images differ; "
            "name its data with --data-root and --data"
        )
    return RunImages(run, train, query, gallery)


def _spread(length: int, count: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, length - 1, min(count, length)).round().astype(np.int64))


def noise_images(count: int, size: tuple[int, int]) -> NDArray[np.float32]:
    """Make images of noise, as if normalised: float32 (count, 3, height, width), the same every time."""
    return np.random.default_rng(0).standard_normal((count, 3, *size), dtype=np.float32)
