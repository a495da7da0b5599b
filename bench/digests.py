"""Digests inside files: a reader of a file can check whether it still is what was written.

A file carries one field, ``xxh3-128:`` and 32 hexadecimal digits: the digest of all its bytes, these digits taken as
zeros. Where the field is depends on the format: a value of a JSON object, the last line of JSON lines, the metadata of
safetensors, the archive comment of ``.npz`` and of checkpoints. Each can be read by any other program as before. The
digest finds damage, a flipped bit or a cut end; it is no protection against deliberate changes.

Archives that follow from another file can name it beside their own digest: 32 hexadecimal digits, its
*source* (:func:`source_of`).

Files of before carry none. They are read as they are, and :func:`carries_digest` tells them apart.
"""

from __future__ import annotations

import gzip
import io
import lzma
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import xxhash

from bench.errors import BenchError

MARK = "xxh3-128:"
DIGITS = 32
FIELD = MARK + "0" * DIGITS
"""What a writer puts where the digest is to be."""
REGION = 1024
"""Bytes among which the field is: at the end of archives and JSON lines, at the start of safetensors."""
END_RECORD = b"PK\x05\x06"
END_RECORD_BYTES = 22
"""What closes a zip archive, with the length of the comment as its last two bytes."""
LARGEST_HEADER = 100 << 20
"""Bytes of a safetensors header that are looked at."""
BLOCK = 1 << 20
UNPACKED = {".gz": gzip.decompress, ".xz": lzma.decompress}
"""How a file is read that was compressed to be kept, by the end of its name; its own checksum covers it as well."""
NAMED = b'"digest"'
SOURCE = re.compile(rb'"source": ?"([0-9a-f]{32})"')
"""How a file names the digest of the one that it follows from."""


class DamagedFile(BenchError):
    """A file is not what was written: its digest does not match, or it cannot be parsed."""


class ForeignFile(DamagedFile):
    """A file is whole, and of another run or training than those beside it."""


def stamp(path: Path) -> str:
    """Write the digest into the :data:`FIELD` of a new file, and give it. Raises ValueError where there is none."""
    with path.open("r+b") as file:
        at = _position(file, path.suffix)
        if at is None:
            raise ValueError(f"{path} has no field for a digest")
        found = _digest(file, at)
        file.seek(at)
        file.write(found.encode())
    return found


def stamp_archive(path: Path, source: str = "") -> None:
    """Give a zip archive without a comment its digest as one, and that of its source where it has one.

    Raises ValueError where it has a comment already, or is none.
    """
    comment = f'{{"source": "{source}", "digest": "{FIELD}"}}' if source else FIELD
    with path.open("r+b") as file:
        file.seek(-END_RECORD_BYTES, 2)
        if not _plain_end(file.read()):
            raise ValueError(f"{path} is no archive without a comment")
        file.seek(-2, 2)
        file.write(len(comment).to_bytes(2, "little") + comment.encode())
    stamp(path)


def verify(path: Path) -> str:
    """Check a file against its digest, and give that; empty where it carries none.

    Raises DamagedFile where they do not match, or where what should hold the digest is broken; OSError where the file
    cannot be read.
    """
    suffix = _suffix(path)
    with opened(path) as file:
        at = _position(file, suffix)
        if at is None:
            if _should_have_one(file, suffix):
                raise DamagedFile(f"{path.name} is damaged, the field of its digest is broken")
            return ""
        file.seek(at)
        kept = file.read(DIGITS).decode(errors="replace")
        if kept != _digest(file, at):
            raise DamagedFile(f"{path.name} is damaged, its content does not match its digest")
    return kept


def opened(path: Path) -> BinaryIO:
    """Open a file to read its bytes, those of a compressed one (``.gz``, ``.xz``) as they were before.

    Raises OSError where it cannot be read or is no whole archive.
    """
    if path.suffix not in UNPACKED:
        return path.open("rb")
    try:
        return io.BytesIO(UNPACKED[path.suffix](path.read_bytes()))
    except (EOFError, zlib.error, lzma.LZMAError) as problem:
        raise OSError(f"{path} is no whole {path.suffix} archive: {problem}") from problem


def carries_digest(path: Path) -> bool:
    """Whether a file has a digest, right or wrong. Raises OSError where it cannot be read."""
    with opened(path) as file:
        return _position(file, _suffix(path)) is not None


def source_of(path: Path) -> str:
    """Read the digest of the file that this one follows from; empty where it names none.

    Raises OSError where it cannot be read.
    """
    with opened(path) as file:
        _, text = _region(file, _suffix(path))
    found = SOURCE.search(text)
    return found[1].decode() if found else ""


def without_digest(paths: Iterable[Path]) -> str:
    """Say in one line how many of the files that can be read carry no digest; nothing where all do."""
    bare = count = 0
    for path in paths:
        with suppress(OSError):
            bare += not carries_digest(path)
            count += 1
    if not bare:
        return ""
    return f"{bare:,} of {count:,} files carry no digest, an earlier version wrote them: their content is not checked"


def digest_of_file(path: Path) -> str:
    """Hash a whole file, for one whose digest is kept elsewhere. Raises OSError where it cannot be read."""
    hasher = xxhash.xxh3_128()
    with path.open("rb") as file:
        for block in _blocks(file, None):
            hasher.update(block)
    return hasher.hexdigest()


def _suffix(path: Path) -> str:
    """What kind of file it is, packed or not."""
    return Path(path.stem).suffix if path.suffix in UNPACKED else path.suffix


def _position(file: BinaryIO, suffix: str) -> int | None:
    """Offset of the digest's digits; None where there is no field."""
    start, text = _region(file, suffix)
    found = text.rfind(MARK.encode())
    return None if found < 0 else start + found + len(MARK)


def _region(file: BinaryIO, suffix: str) -> tuple[int, bytes]:
    """Give the part of a file that holds the field, with its offset."""
    if suffix == ".safetensors":
        file.seek(0)
        header_bytes = int.from_bytes(file.read(8), "little")
        # Metadata come first, and a damaged length must neither hide them nor fill the memory.
        return 8, file.read(min(max(header_bytes, REGION), LARGEST_HEADER))
    size = file.seek(0, 2)
    start = 0 if suffix == ".json" else max(size - REGION, 0)
    file.seek(start)
    return start, file.read()


def _should_have_one(file: BinaryIO, suffix: str) -> bool:
    """Whether a file that has no field was written with one: its end or the name beside the field says so."""
    _, text = _region(file, suffix)
    if suffix in (".npz", ".pt"):
        return not _plain_end(text[-END_RECORD_BYTES:])
    return re.search(NAMED, text) is not None


def _plain_end(record: bytes) -> bool:
    return record.startswith(END_RECORD) and record[-2:] == b"\0\0"


def _digest(file: BinaryIO, at: int) -> str:
    """Hash a file, the digits at ``at`` taken as zeros."""
    hasher = xxhash.xxh3_128()
    file.seek(0)
    for block in _blocks(file, at):
        hasher.update(block)
    hasher.update(b"0" * DIGITS)
    file.seek(at + DIGITS)
    for block in _blocks(file, None):
        hasher.update(block)
    return hasher.hexdigest()


def _blocks(file: BinaryIO, count: int | None) -> Iterator[bytes]:
    """Read ``count`` bytes, or to the end, in blocks."""
    while count is None or count > 0:
        block = file.read(BLOCK if count is None else min(BLOCK, count))
        if not block:
            return
        yield block
        if count is not None:
            count -= len(block)
