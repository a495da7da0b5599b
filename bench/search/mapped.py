"""Packed codes in a file, of which memory holds what is being read: they may be more than fit into it."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from bench.errors import BenchError


class MappedCodes:
    """Packed codes (N, W) of an ``.npy`` file. A slice of them is mapped when it is read, and let go of afterwards.

    A map of the whole file would count as memory of this process as far as it has been read.
    """

    dtype = np.dtype(np.uint8)
    ndim = 2

    def __init__(self, path: Path, offset: int, shape: tuple[int, int]) -> None:
        """Take the codes from byte ``offset`` of a file on."""
        self.path, self.offset, self.shape = path, offset, shape

    @classmethod
    def open(cls, path: Path) -> MappedCodes:
        """Open a file that :func:`numpy.save` wrote. Raises :class:`BenchError` where it holds no packed codes."""
        try:
            found = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as problem:
            raise BenchError(f"{path}: expected packed codes as .npy, uint8 (N, bytes): {problem}") from problem
        if (
            not isinstance(found, np.memmap)
            or found.ndim != 2
            or found.dtype != np.uint8
            or not found.flags.c_contiguous
        ):
            about = f"{found.dtype} {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
            raise BenchError(f"{path}: expected packed codes as .npy, uint8 (N, bytes), row after row; found {about}")
        return cls(path, found.offset, (len(found), found.shape[1]))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> MappedCodes:
        first, end, _ = rows.indices(len(self))
        width = self.shape[1]
        return MappedCodes(self.path, self.offset + first * width, (max(0, end - first), width))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if not all(self.shape):
            return np.zeros(self.shape, np.uint8)  # nothing cannot be mapped
        mapped = self._mapped()
        return np.array(mapped, dtype) if copy or dtype not in (None, np.uint8) else mapped

    def _mapped(self) -> NDArray[np.uint8]:
        """Map the codes (N, W). Raises :class:`BenchError` where the file no longer holds them."""
        start = self.offset % mmap.ALLOCATIONGRANULARITY
        length = start + self.shape[0] * self.shape[1]
        try:
            with self.path.open("rb") as file:
                pages = mmap.mmap(file.fileno(), length, access=mmap.ACCESS_READ, offset=self.offset - start)
        except (OSError, ValueError) as problem:
            raise BenchError(
                f"{self.path} cannot be read ({problem}): its {len(self):,} codes from byte {self.offset:,} on were "
                "there before; leave the file as it is while it is searched"
            ) from problem
        return np.frombuffer(pages, np.uint8, offset=start).reshape(self.shape)
