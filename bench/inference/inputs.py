"""What an engine is asked: images with their cameras, decoded in advance or from their files."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data.images import ImageStore, decode_image
from bench.errors import BenchError
from bench.retrieval.table import IntArray

NO_CAMERA = -(2**31)
"""Camera of an image whose camera is unknown: none of a gallery's, so that no gallery image is hidden from it."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """N images as stored, uint8 (N, 3, H, W), to be cut to ``size`` (height, width) and normalised."""

    pixels: NDArray[np.uint8]
    paths: tuple[Path, ...]
    camids: IntArray
    size: tuple[int, int]

    def __len__(self) -> int:
        """Count the images."""
        return len(self.paths)

    @classmethod
    def of_store(cls, store: ImageStore, rows: IntArray, size: tuple[int, int]) -> Inputs:
        """Take images ``rows`` (N,) of a store."""
        samples = [store.samples[row] for row in rows]
        camids = np.array([sample.camid for sample in samples], dtype=np.int64)
        return cls(store.images[rows], tuple(sample.path for sample in samples), camids, size)

    @classmethod
    def of_files(cls, paths: Sequence[Path], stored: tuple[int, int], size: tuple[int, int]) -> Inputs:
        """Decode files, resized to ``stored`` (height, width) as a run's recipe has it; of no known camera.

        Raises :class:`BenchError` for a file that is no image or damaged, and where there is none.
        """
        if not paths:
            raise BenchError("there is no image to ask about")
        pixels = np.stack([decode_image(path, *stored)[0] for path in paths])
        return cls(pixels, tuple(paths), np.full(len(paths), NO_CAMERA, dtype=np.int64), size)

    def prepared(self, rows: IntArray) -> NDArray[np.float32]:
        """Cut and normalise images that are decoded already: (B, 3, height, width)."""
        return self._prepare(self.pixels[rows])

    def decoded(self, rows: IntArray) -> tuple[NDArray[np.float32], float]:
        """Read, decode, resize, cut and normalise images from their files, and the milliseconds that took."""
        started = time.perf_counter()
        height, width = self.pixels.shape[2:]
        pixels = np.stack([decode_image(self.paths[row], height, width)[0] for row in rows])
        prepared = self._prepare(pixels)
        return prepared, 1e3 * (time.perf_counter() - started)

    def _prepare(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        import torch

        from bench.data.augmentation import normalise
        from bench.data.views import cut_views

        return normalise(cut_views(torch.from_numpy(pixels), self.size, "centre")[0]).numpy()
