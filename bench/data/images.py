"""Images decoded once: a memory-mapped store of a list of samples at the network's input size.

Re-identification sets are small once resized (Market-1501 at 128×64 is 0.9 GB), so no file is decoded twice. Batches
are gathered from the store, and augmentation works on whole batches (:mod:`bench.data.augmentation`).

A store is two files in the cache folder: ``KEY-STAMP.npy``, uint8 (N, 3, H, W), and ``KEY-STAMP.json`` with the
content fingerprint and a digest of the pixels, which is checked when a process first opens the store. The key is a hash
of the samples and the size. The stamp is a hash of the preprocessing and of the state of the image files (bytes,
modification times). The name thus determines the content: processes that build the same store at once write equal
files, and a store of older files is never opened.

Channels come first, as networks and augmentation take them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from bench import temporary
from bench.data.dataset import ImageSample
from bench.data.split import sides_of
from bench.digests import DamagedFile, digest_of_file
from bench.errors import BenchError
from bench.files import read_json, replacing, write_json
from bench.progress import SILENT, Reporter
from bench.threads import usable_cores

if TYPE_CHECKING:
    from torch import Tensor

PREPROCESSING = "exif-rotated, RGB, antialiased bilinear; 1"
"""Preprocessing of an image; its number goes up whenever the pixels in a store would change."""
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF", "WEBP")
"""Formats that are decoded, whatever the suffix of the file; not those that start other programs (EPS)."""
IMAGES_IN_FLIGHT = 512
"""Images decoded ahead of the writer: bounds memory."""
SPARE_BYTES = 64 * 2**20
"""Disk space that must stay free beside the store."""
_DIGESTS: dict[tuple[Path, int, int], str] = {}
"""Digests of stores by path, bytes and modification time."""


@dataclass(frozen=True, eq=False)
class ImageStore:
    """The pixels of ``samples``, in their order, and a fingerprint of the image files."""

    samples: tuple[ImageSample, ...]
    images: NDArray[np.uint8]
    """(N, 3, H, W), RGB, read-only and memory-mapped."""
    fingerprint: str
    """sha256 of the files' bytes, names below their common folder, identities and cameras: a moved set keeps it."""

    def batch(self, indices: Tensor | NDArray[np.integer]) -> Tensor:
        """Copy the images at ``indices`` (B,) into a uint8 tensor (B, 3, H, W)."""
        import torch

        rows = indices.cpu().numpy() if isinstance(indices, torch.Tensor) else indices
        return torch.from_numpy(self.images[rows])

    def indices(self, samples: Sequence[ImageSample]) -> NDArray[np.int64]:
        """Indices (B,) of some of the store's samples, so that parts of a split share one store."""
        index_of = {sample: index for index, sample in enumerate(self.samples)}
        return np.array([index_of[sample] for sample in samples], dtype=np.int64)


def dataset_fingerprint(*stores: ImageStore) -> str:
    """Fingerprint of several stores in this order, such as those of train, query and gallery.

    Numbers of tracklets, clothes and drawn galleries are part of it: with others, the same images have other scores.
    So is whether cameras ask or answer, by which thresholds are set (:func:`bench.data.split.hold_out`).
    """
    content: list[object] = [store.fingerprint for store in stores]
    _, *test = stores
    if len(test) == 2 and sides_of(test[0].samples, test[1].samples):
        content.append("held-out queries and gallery by camera")
    tracklets = [[sample.tracklet for sample in store.samples] for store in stores]
    if any(number is not None for numbers in tracklets for number in numbers):
        content.append(tracklets)
    views = [[(sample.clothes, sample.draws) for sample in store.samples] for store in stores]
    if any(view != (None, ()) for of_store in views for view in of_store):
        content.append(views)
    return _sha256(content)


def open_store(
    samples: Sequence[ImageSample], input_size: tuple[int, int], cache: Path, reporter: Reporter = SILENT
) -> ImageStore:
    """Open the store of ``samples`` at ``input_size`` (height, width) in pixels; a missing store is built first.

    A store is built again where it is stale (an image file has changed), damaged or truncated, or has no digest of its
    pixels (earlier versions wrote none). Raises :class:`BenchError` for an impossible size, an image that cannot be
    decoded, or a cache that cannot be written.
    """
    samples, (height, width) = tuple(samples), input_size
    if height < 1 or width < 1:
        raise BenchError(f"the input size must be (height, width) of 1 pixel or more, found {input_size}")
    shape = (len(samples), 3, height, width)
    if not samples:
        return ImageStore(samples, np.empty(shape, dtype=np.uint8), _sha256([]))

    key = _sha256([shape, [(str(sample.path.absolute()), sample.pid, sample.camid) for sample in samples]])[:16]
    stamp = _sha256([PREPROCESSING, [_file_state(sample.path) for sample in samples]])[:16]
    data = cache / f"{key}-{stamp}.npy"
    store = _open_built(samples, shape, data)
    if store is not None:
        reporter.note(f"{len(samples)} decoded images found in {data}")
        return store
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _build(samples, shape, data, reporter)
        _remove_outdated(data, key)
    except OSError as error:
        # Windows replaces no file that another process has mapped: one that built the same store is as good.
        if (store := _open_built(samples, shape, data)) is not None:
            return store
        raise BenchError(f"{data}: cannot write the decoded images ({error}); name another cache") from error
    store = _open_built(samples, shape, data)
    if store is None:
        raise BenchError(f"{data}: was written but cannot be read back; check the disk or name another cache")
    return store


def _open_built(samples: tuple[ImageSample, ...], shape: tuple[int, ...], data: Path) -> ImageStore | None:
    """Store of a file built earlier; None where it is missing or damaged."""
    try:
        facts = read_json(data.with_suffix(".json"))
        # Mapping fails with ValueError where the file is shorter than its header says.
        images = np.load(data, mmap_mode="r", allow_pickle=False)
        fingerprint = str(facts["fingerprint"])
        if _checked_digest(data) != facts["pixels"]:
            return None
    except (OSError, ValueError, EOFError, KeyError, TypeError, DamagedFile):
        return None
    if images.shape != shape or images.dtype != np.uint8:
        return None
    return ImageStore(samples, np.asarray(images), fingerprint)


def _checked_digest(data: Path) -> str:
    """Digest of a store; a file is hashed once in a process as long as its size and modification time stay."""
    state = data, *_file_state(data)
    if state not in _DIGESTS:
        _DIGESTS[state] = digest_of_file(data)
    return _DIGESTS[state]


def _build(samples: tuple[ImageSample, ...], shape: tuple[int, ...], data: Path, reporter: Reporter) -> None:
    """Decode all samples into ``data``, and write their fingerprint beside it."""
    size_bytes = int(np.prod(shape))
    free_bytes = shutil.disk_usage(data.parent).free
    if free_bytes < size_bytes + SPARE_BYTES:
        raise BenchError(
            f"{data.parent}: the decoded images take {_megabytes(size_bytes)}, only {_megabytes(free_bytes)} are free; "
            "free some space or name another cache"
        )
    count, _, height, width = shape
    reporter.note(f"decoding {count} images to {height}×{width} pixels once: {_megabytes(size_bytes)} in {data}")
    folder = os.path.commonpath([sample.path.absolute().parent for sample in samples])
    fingerprint = hashlib.sha256()

    def write_pixels(file: BinaryIO) -> None:
        # Written in sequence, not through a memory map: on a full disk a write raises, a map kills the process.
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        with (
            reporter.task("decode images", count, unit="images") as task,
            ThreadPoolExecutor(usable_cores()) as pool,  # Pillow releases Python's lock
        ):
            for start in range(0, count, IMAGES_IN_FLIGHT):
                part = samples[start : start + IMAGES_IN_FLIGHT]
                for sample, (pixels, digest) in zip(
                    part, pool.map(lambda sample: decode_image(sample.path, height, width), part), strict=True
                ):
                    file.write(pixels.data)
                    name = sample.path.absolute().relative_to(folder).as_posix()
                    label = f"{name}\0{sample.pid}\0{sample.camid}\n"
                    # A name that is not valid UTF-8 enters with its raw bytes.
                    fingerprint.update(digest + label.encode(errors="surrogateescape"))
                    task.advance()

    _write_beside(data, write_pixels)
    facts = {
        "fingerprint": fingerprint.hexdigest(),
        "pixels": digest_of_file(data),
        "shape": shape,
        "preprocessing": PREPROCESSING,
        "folder": folder,
    }
    write_json(data.with_suffix(".json"), facts)


def _write_beside(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let ``write`` fill a temporary file, and rename it to ``path`` once it is complete and on disk."""
    with replacing(path) as beside, beside.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


def _remove_outdated(data: Path, key: str) -> None:
    """Remove stores of the same samples in an earlier state, and temporary files of killed processes."""
    for path in data.parent.glob(f"{key}-*"):
        if path.stem != data.stem:
            with suppress(OSError):  # another process has removed it, or holds it open (Windows)
                path.unlink()
    temporary.clear(path for path in data.parent.glob(".*") if temporary.BESIDE.fullmatch(path.name))


def decode_image(path: Path, height: int, width: int) -> tuple[NDArray[np.uint8], bytes]:
    """Pixels (3, H, W) of one file, and the sha256 of its bytes.

    Raises :class:`BenchError` for a file that cannot be decoded.
    """
    try:
        contents = path.read_bytes()
        with Image.open(BytesIO(contents), formats=FORMATS) as image:
            ImageOps.exif_transpose(image, in_place=True)
            resized = _to_rgb(image).resize((width, height), Image.Resampling.BILINEAR)
    except UnidentifiedImageError as error:
        found = "its content is none" if contents else "the file is empty"
        raise BenchError(f"{path}: expected {', '.join(FORMATS)}, {found}; replace it or take it out") from error
    except Exception as error:  # Pillow's decoders raise errors of many types on damaged files
        raise BenchError(f"{path}: the image cannot be decoded ({error}); replace the file or take it out") from error
    return np.ascontiguousarray(np.asarray(resized).transpose(2, 0, 1)), hashlib.sha256(contents).digest()


def _to_rgb(image: Image.Image) -> Image.Image:
    """The image in RGB, 8 bits a channel. Transparency is dropped, as in all re-identification readers."""
    if image.mode.startswith("I"):  # 16 bits; Pillow's own conversion would clip all but the darkest 256 values
        values = np.asarray(image).clip(0, 65535) / 257
        return Image.fromarray(np.rint(values).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ValueError("pixels in floating point have no fixed range")
    if "transparency" in image.info:  # a palette with transparent entries converts correctly only through RGBA
        return image.convert("RGBA").convert("RGB")
    return image.convert("RGB")


def _file_state(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError as error:
        raise BenchError(f"{path}: the image cannot be read ({error.strerror}); check the data folder") from error
    return state.st_size, state.st_mtime_ns


def _sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"
