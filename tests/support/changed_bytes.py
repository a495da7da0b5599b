"""One byte of a file at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_over(path: Path, index: int, byte: int) -> Iterator[None]:
    """Have another byte at a place of a file meanwhile: to write a file anew may wait for the disk, each time."""
    with path.open("r+b", buffering=0) as file:
        file.seek(index)
        before = file.read(1)
        file.seek(index)
        file.write(bytes([byte]))
        yield
        file.seek(index)
        file.write(before)
