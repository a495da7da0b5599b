"""Runs in one file, to be carried from one machine to another: a tar archive that begins with a list of its content.

The first member, ``manifest.json``, names every file with its size and digest. So the archive can be read from front
to end, every byte is checked before anything is put into place, and nothing is unpacked that was not announced. The
same runs give the same bytes.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, cast

import xxhash

from bench.digests import BLOCK, digest_of_file
from bench.errors import BenchError
from bench.files import replacing
from bench.runs.file_checks import check_of_run
from bench.runs.folder import RunFolder
from bench.runs.known_files import is_known

MANIFEST = "manifest.json"
FORM = "runs of reid-budget-bench"
ARCHIVE_SCHEMA = 1
LARGEST_MANIFEST = 64 << 20
"""Bytes of a list of content that are read."""
COMPRESSED = (".gz", ".tgz")
WEIGHTS = ("weights.safetensors", "checkpoint.pt")
EMBEDDINGS = ("embeddings*.npz", "features*.npz")
PLACE = re.compile(r"runs(/(?!\.)[^/\\:\x00-\x1f\x7f]{1,255}){3}")
"""Where a file may go: ``runs/<dataset>/<run>/<file>``, no part of which begins with a dot."""


class BrokenArchive(BenchError):
    """An archive is not what was packed, or holds what no archive of runs holds."""


@dataclass(frozen=True)
class Packed:
    """One file of an archive: where it goes under a results folder, its size, and the digest of its bytes."""

    place: str
    bytes: int
    xxh3_128: str

    @property
    def run(self) -> str:
        """Place of the run's folder."""
        return self.place.rpartition("/")[0]


def pack_runs(
    folders: Sequence[RunFolder], out: Path, *, weights: bool = True, embeddings: bool = True
) -> list[Packed]:
    """Write the files of runs into one archive, compressed where its name ends with .gz or .tgz; gives what is in it.

    Without ``weights`` neither the network nor the checkpoint goes along, without ``embeddings`` neither codes nor
    features, which ``bench run`` makes again from the weights. Raises BenchError where a file is damaged, changes
    meanwhile, or cannot be read, where the archive cannot be written, and where another file has its name.
    """
    left_out = (() if weights else WEIGHTS) + (() if embeddings else EMBEDDINGS)
    try:
        sources = dict(sorted((place, path) for folder in folders for place, path in _files(folder, left_out)))
        packed = [_described(place, path) for place, path in sources.items()]
        manifest = {"form": FORM, "schema": ARCHIVE_SCHEMA, "files": [asdict(one) for one in packed]}
        data = json.dumps(manifest, indent=1).encode()
        if out.is_file() and out.stat().st_size and not tarfile.is_tarfile(out):
            raise BenchError(f"{out} is there and is no archive: remove it, or choose another --out")
        with replacing(out) as beside, _opened(beside, out.suffix in COMPRESSED) as archive:
            _add(archive, MANIFEST, io.BytesIO(data), len(data))
            for one in packed:
                with sources[one.place].open("rb") as file:
                    reader = _Hashing(file)
                    _add(archive, one.place, reader, one.bytes)
                if reader.hexdigest != one.xxh3_128:
                    raise BenchError(f"{sources[one.place]} changed while it was packed; pack again after its run")
    except OSError as problem:
        reason = f"{problem.strerror or problem}: {problem.filename or out}"
        raise BenchError(f"cannot pack ({reason}); mend that, or choose another --out") from problem
    return packed


@contextmanager
def _opened(path: Path, compressed: bool) -> Iterator[tarfile.TarFile]:
    """Open an archive to write; a compressed one has neither name nor time in it."""
    with ExitStack() as stack:
        file = stack.enter_context(path.open("wb"))
        packed = stack.enter_context(gzip.GzipFile("", "wb", fileobj=file, mtime=0)) if compressed else file
        yield stack.enter_context(tarfile.open(fileobj=packed, mode="w"))


def read_archive(path: Path, folder: Path) -> list[Packed]:
    """Unpack an archive into ``folder`` and check every file; gives what is in it.

    Raises BrokenArchive where it is cut short, damaged, or holds anything but what its manifest announces at places
    where runs' files lie, and BenchError where it cannot be read or ``folder`` cannot be written.
    """
    try:
        with tarfile.open(path, "r|*") as archive:
            members = iter(archive)
            announced = _manifest(archive, next(members, None))
            _check_room(announced.values(), folder)
            found = {one.place for one in _unpacked(archive, members, announced, folder)}
    except (tarfile.TarError, EOFError, UnicodeError, zlib.error) as problem:
        raise BrokenArchive(f"{path} is cut short, or no archive of runs ({problem})") from problem
    except BrokenArchive as problem:
        raise BrokenArchive(f"{path}: {problem}") from None
    except OSError as problem:
        # A damaged compression is told as an error without a number.
        kind = BenchError if problem.errno else BrokenArchive
        raise kind(f"cannot read {path} ({problem.strerror or problem})") from problem
    missing = sorted(set(announced) - found)
    if missing:
        raise BrokenArchive(f"{path} is cut short: {len(missing)} files are missing, the first is {missing[0]}")
    return list(announced.values())


def _files(folder: RunFolder, left_out: Iterable[str]) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.path.iterdir()):
        if not path.is_file() or path.name.startswith(".") or not is_known(path.name):
            continue
        if not any(fnmatch(path.name, pattern) for pattern in left_out):
            yield f"runs/{folder.path.parent.name}/{folder.path.name}/{path.name}", path


def _described(place: str, path: Path) -> Packed:
    if not PLACE.fullmatch(place):
        raise BenchError(f"{path} is not packed: another system might not take its name; rename the dataset")
    try:
        check_of_run(path)
    except BenchError as problem:
        raise BenchError(f"{path} is not packed: {problem} (bench verify says what can be done)") from problem
    return Packed(place, path.stat().st_size, digest_of_file(path))


def _add(archive: tarfile.TarFile, name: str, file: IO[bytes] | _Hashing, size: int) -> None:
    """Add a file with nothing of who packed it, and when."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    archive.addfile(member, cast(IO[bytes], file))


def _check_room(packed: Iterable[Packed], folder: Path) -> None:
    needed, free = sum(one.bytes for one in packed), shutil.disk_usage(folder).free
    if needed > free:
        raise BrokenArchive(f"its content takes {needed:,} bytes, and {folder.parent} has {free:,} left")


class _Hashing(io.RawIOBase):
    """A file that is hashed while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.hasher = file, xxhash.xxh3_128()

    @property
    def hexdigest(self) -> str:
        return self.hasher.hexdigest()

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self.hasher.update(data)
        return data


def _manifest(archive: tarfile.TarFile, member: tarfile.TarInfo | None) -> dict[str, Packed]:
    """Read what an archive says is in it, and refuse what no archive of runs says."""
    file = archive.extractfile(member) if member and member.isreg() and member.name == MANIFEST else None
    if file is None or member is None or member.size > LARGEST_MANIFEST:
        raise BrokenArchive(f"its first member is no {MANIFEST}: it was not made by bench pack")
    try:
        value = json.loads(file.read())
        if value["form"] != FORM:
            raise ValueError(f"its form is {value['form']!r}")
        if value["schema"] != ARCHIVE_SCHEMA:
            raise BrokenArchive(f"schema {value['schema']}, this version of the suite reads {ARCHIVE_SCHEMA}")
        listed = [Packed(str(one["place"]), int(one["bytes"]), str(one["xxh3_128"])) for one in value["files"]]
    except (ArithmeticError, AttributeError, KeyError, RecursionError, TypeError, ValueError) as problem:
        raise BrokenArchive(f"its {MANIFEST} cannot be read ({problem!r})") from problem
    for one in listed:
        name = one.place.rpartition("/")[2]
        if not PLACE.fullmatch(one.place) or not is_known(name) or one.bytes < 0:
            raise BrokenArchive(f"it holds {one.place!r}, which is no place of a run's file: nothing is taken from it")
    announced = {one.place: one for one in listed}
    if len({place.lower() for place in announced}) != len(listed):
        raise BrokenArchive("it names a file twice: nothing is taken from it")
    return announced


def _unpacked(
    archive: tarfile.TarFile, members: Iterator[tarfile.TarInfo], announced: Mapping[str, Packed], folder: Path
) -> Iterator[Packed]:
    """Write every member to its place under ``folder``, block by block; gives those that are what was announced."""
    for member in members:
        one = announced.get(member.name)
        file = archive.extractfile(member) if member.isreg() else None
        if one is None or file is None or member.size != one.bytes:
            raise BrokenArchive(f"it holds {member.name!r}, which is not as announced: nothing is taken from it")
        target = folder / one.place
        target.parent.mkdir(parents=True, exist_ok=True)
        hasher = xxhash.xxh3_128()
        with target.open("xb") as out:
            while block := file.read(BLOCK):
                hasher.update(block)
                out.write(block)
        if hasher.hexdigest() != one.xxh3_128 or target.stat().st_size != one.bytes:
            raise BrokenArchive(f"{one.place} in it is damaged: nothing is taken from it")
        yield one
