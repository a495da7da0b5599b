"""Small pictures, and what the image store should make of them."""

from pathlib import Path

import numpy as np
from PIL import Image

from bench.data.dataset import ImageSample
from bench.data.images import open_store

SIZE = (16, 8)


def paint(path: Path, seed: int = 0, size=(10, 20), **options) -> Path:
    """Write a smooth random picture of ``size`` (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 3, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path, **options)
    return path


def pixels_of(path: Path, input_size=SIZE) -> np.ndarray:
    """What the store should hold for an upright 8-bit RGB picture."""
    height, width = input_size
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)).transpose(2, 0, 1)


def store_one(path: Path, cache: Path, input_size=SIZE) -> np.ndarray:
    return open_store([ImageSample(path, 1, 1)], input_size, cache).images[0]
