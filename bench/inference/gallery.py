"""A gallery that is kept: codes of every exit, identities, cameras and names of images, in one file.

Images are embedded once, by the network of one run. They are added and removed without embedding the others again; the
codes of another network are refused, because they mean something else. The file carries a digest of its content, which
is checked whenever it is read.
"""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.files import replacing
from bench.retrieval.codes import packed_width
from bench.retrieval.labels import label_pair
from bench.retrieval.neighbours import GalleryIndex
from bench.retrieval.table import IntArray

MAGIC = b"bench gallery 1\n"
"""First bytes of a file; the number is raised when its form changes. The sha256 of all that follows is next."""
DIGEST_CHARACTERS = 64
FLOAT_BYTES = 4
SHOWN = 3
"""Names that a message lists."""


@dataclass(frozen=True)
class GalleryExit:
    """What is kept of each image at one exit: a ``binary`` code of ``dim`` bits or a ``continuous`` embedding."""

    name: str
    dim: int
    code: Literal["binary", "continuous"]

    @property
    def width(self) -> int:
        """Columns of the exit's array: bytes of packed bits, or floats."""
        return packed_width(self.dim) if self.code == "binary" else self.dim

    @property
    def image_bytes(self) -> int:
        """Bytes of one image's code."""
        return self.width if self.code == "binary" else FLOAT_BYTES * self.width


@dataclass(frozen=True, eq=False)
class Gallery:
    """G enrolled images. Raises :class:`BenchError` where arrays do not fit the exits, or a name is there twice."""

    run: str
    """Key of the run whose network made the codes."""
    network: str
    """sha256 of that network's weights."""
    exits: tuple[GalleryExit, ...]
    codes: tuple[NDArray[Any], ...]
    """One array an exit: packed bits, uint8 (G, ceil(dim / 8)), or float32 (G, dim)."""
    pids: IntArray
    """(G,) identities."""
    camids: IntArray
    """(G,) cameras."""
    names: tuple[str, ...]
    """(G,) what each image is removed by."""
    features: NDArray[np.float16] | None = None
    """(G, F) of the first exit, for policies that read them; None where they are not kept."""

    def __post_init__(self) -> None:
        label_pair(self.pids, self.camids, "gallery")
        if len(self.codes) != len(self.exits):
            raise BenchError(f"a gallery needs codes of each of {len(self.exits)} exits; found {len(self.codes)}")
        for spec, codes in zip(self.exits, self.codes, strict=True):
            expected = np.dtype(np.uint8 if spec.code == "binary" else np.float32), (len(self), spec.width)
            if (codes.dtype, codes.shape) != expected:
                raise BenchError(
                    f"codes of exit {spec.name} must be {expected[0]} {expected[1]}, as its {spec.dim} {spec.code} "
                    f"dimensions and {len(self)} images have it; found {codes.dtype} {codes.shape}"
                )
        if len(self.names) != len(self):
            raise BenchError(f"a gallery needs one name an image; found {len(self.names)} names of {len(self)} images")
        if len(set(self.names)) < len(self):
            twice = [name for name in set(self.names) if self.names.count(name) > 1]
            raise BenchError(f"names of gallery images must differ; there twice: {_some(twice)}")
        kept = self.features
        if kept is not None and (kept.dtype != np.float16 or kept.ndim != 2 or len(kept) != len(self)):
            raise BenchError(
                f"features must be float16, a row for each of {len(self)} images; found {kept.dtype} {kept.shape}"
            )

    def __len__(self) -> int:
        """Count the images."""
        return len(self.pids)

    @cached_property
    def indexes(self) -> tuple[GalleryIndex, ...]:
        """What each exit is searched by. Raises :class:`BenchError` where there is no image."""
        return tuple(GalleryIndex(codes, self.pids, self.camids) for codes in self.codes)

    @property
    def image_bytes(self) -> int:
        """Bytes that one image takes: its codes at all exits, and its features where they are kept."""
        return sum(spec.image_bytes for spec in self.exits) + self.feature_bytes

    @property
    def feature_bytes(self) -> int:
        """Bytes that the features of one image take; 0 where they are not kept."""
        return 0 if self.features is None else self.features.itemsize * self.features.shape[1]

    def append(self, other: Gallery) -> Gallery:
        """Put the images of another gallery behind these; nothing is embedded again.

        Raises :class:`BenchError` where exits or networks differ, only one side has features, or an image is there
        already.
        """
        if other.exits != self.exits:
            raise BenchError(
                f"galleries must have the same exits; found {listed(self.exits)} and {listed(other.exits)}"
            )
        if other.network != self.network:
            raise BenchError(
                f"codes of two networks cannot be compared: the gallery's are of weights {self.network[:12]} (run "
                f"{self.run[:8]}), the new ones of {other.network[:12]} (run {other.run[:8]}); build a gallery for each"
            )
        if (self.features is None) != (other.features is None):
            has, lacks = ("new images", "gallery") if self.features is None else ("gallery", "new images")
            raise BenchError(f"the {has} have features of the first exit and the {lacks} have none: keep them for both")
        there = set(self.names) & set(other.names)
        if there:
            raise BenchError(f"in the gallery already: {_some(there)}; remove these images first, or leave them out")
        return replace(
            self,
            codes=tuple(np.concatenate(pair) for pair in zip(self.codes, other.codes, strict=True)),
            pids=np.concatenate([self.pids, other.pids]),
            camids=np.concatenate([self.camids, other.camids]),
            names=self.names + other.names,
            features=(
                None
                if self.features is None or other.features is None
                else np.concatenate([self.features, other.features])
            ),
        )

    def remove(self, names: Collection[str] = (), pids: Collection[int] = ()) -> Gallery:
        """Leave out images by name, and all of some identities; the others keep their order.

        Raises :class:`BenchError` where the gallery has no such image or identity.
        """
        absent = [*(set(names) - set(self.names)), *(f"identity {pid}" for pid in set(pids) - set(self.pids.tolist()))]
        if absent:
            raise BenchError(f"not in the gallery: {_some(absent)}; nothing was removed")
        named = set(names)
        gone = np.isin(self.pids, list(pids)) | np.array([name in named for name in self.names], dtype=bool)
        kept = np.flatnonzero(~gone)
        return replace(
            self,
            codes=tuple(codes[kept] for codes in self.codes),
            pids=self.pids[kept],
            camids=self.camids[kept],
            names=tuple(self.names[image] for image in kept),
            features=None if self.features is None else self.features[kept],
        )


def save_gallery(gallery: Gallery, path: Path) -> None:
    """Write a gallery: beside and renamed, so that the file is never half there.

    Raises :class:`BenchError` where the file cannot be written.
    """
    about = {
        "run": gallery.run,
        "network": gallery.network,
        "exits": [asdict(spec) for spec in gallery.exits],
        "names": gallery.names,
    }
    arrays: dict[str, Any] = {f"codes.{index}": codes for index, codes in enumerate(gallery.codes)}
    arrays |= {"pids": gallery.pids, "camids": gallery.camids}
    if gallery.features is not None:
        arrays["features"] = gallery.features
    content = io.BytesIO()
    np.savez(content, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays)
    try:
        with replacing(path) as beside, beside.open("wb") as file:
            file.write(MAGIC + hashlib.sha256(content.getbuffer()).hexdigest().encode() + b"\n")
            file.write(content.getbuffer())
    except OSError as problem:
        raise BenchError(
            f"{path}: cannot be written ({problem.strerror or problem}); name a file elsewhere"
        ) from problem


def load_gallery(path: Path) -> Gallery:
    """Read a gallery. Raises :class:`BenchError`, naming the file, where it is none, or one byte of it has changed."""
    try:
        stored = path.read_bytes()
    except OSError as problem:
        raise BenchError(
            f"{path}: cannot be read ({problem.strerror}); expected a file of bench gallery build"
        ) from None
    start = len(MAGIC) + DIGEST_CHARACTERS + 1
    if not stored.startswith(MAGIC):
        raise BenchError(f"{path} is no gallery of this version; make one with bench gallery build")
    content = memoryview(stored)[start:]
    if stored[len(MAGIC) : start] != hashlib.sha256(content).hexdigest().encode() + b"\n":
        raise BenchError(f"{path} is damaged: its content does not have the digest that it carries; build it again")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            about = json.loads(arrays["about"].tobytes())
            exits = tuple(GalleryExit(**values) for values in about["exits"])
            return Gallery(
                run=about["run"],
                network=about["network"],
                exits=exits,
                codes=tuple(arrays[f"codes.{index}"] for index in range(len(exits))),
                pids=arrays["pids"],
                camids=arrays["camids"],
                names=tuple(about["names"]),
                features=arrays.get("features"),
            )
    except (AttributeError, KeyError, TypeError, ValueError, EOFError, zlib.error, BadZipFile, BenchError) as problem:
        raise BenchError(f"{path} is no gallery of this version ({problem}); build it again") from problem


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Hold a gallery's file from reading to writing it, so that no change of another process is lost.

    Raises :class:`BenchError` where another process holds it, or nothing can be written beside it.
    """
    if not path.is_file():  # the reader says what is wrong
        yield
        return
    lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise BenchError(f"another process is changing {path}; wait for it, then run this again") from None
    except OSError as problem:
        raise BenchError(f"{path}: cannot be changed ({problem.strerror or problem}); copy it elsewhere") from None
    try:
        yield
    finally:
        lock.release()


def listed(exits: Sequence[Any]) -> str:
    """Word exits for a message: name, length and kind of each; anything that has the three."""
    return ", ".join(f"{spec.name} ({spec.dim} {spec.code})" for spec in exits)


def _some(names: Collection[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:SHOWN]) + f" and {len(ordered) - SHOWN} more" * (len(ordered) > SHOWN)
