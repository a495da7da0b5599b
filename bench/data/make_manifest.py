"""A manifest for a folder of photographs whose names hold identity and camera.

Identities or cameras that are not numbers are numbered. Their names then stand in two further columns of the manifest
(``person``, ``camera``), which its reader ignores.
"""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.data.manifest import COLUMNS
from bench.data.name_pattern import NamePattern
from bench.errors import BenchError
from bench.files import replacing

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp"})
"""Suffixes of photographs, in lower or upper case."""
NAME_COLUMNS = ("person", "camera")
MANIFEST_STREAM = 3
"""Separates these random numbers from others of the same seed."""
SHOWN = 3
"""Files that a message names at most."""


@dataclass(frozen=True)
class Photograph:
    """One file: its path below the folder, with ``/``, and the identity and camera in its name."""

    path: str
    person: str
    camera: str


@dataclass(frozen=True)
class Manifest:
    """Rows of the CSV, and the files that do not fit the pattern."""

    rows: tuple[Mapping[str, str | int], ...]
    unmatched: tuple[str, ...] = ()

    def count(self, split: str, column: str = "path") -> int:
        """Number of different values of a column in a split: images by default."""
        return len({row[column] for row in self.rows if row["split"] == split})

    def zero(self) -> str | None:
        """Give the identity 0 as file names write it (``0000``); None where there is none."""
        # It is numbered anew, for 0 is no identity of a manifest: the names then have a column.
        names = {str(row.get("person", row["pid"])) for row in self.rows}
        return min((name for name in names if name and not name.strip("0")), default=None)

    def images_per_camera(self) -> dict[str, int]:
        """Number of images of each camera, by its name in the file names, sorted by name."""
        return dict(sorted(Counter(str(row.get("camera", row["camid"])) for row in self.rows).items()))


def find_photographs(folder: Path) -> list[str]:
    """Paths of all image files below a folder, with ``/``, sorted; hidden files and folders are left out.

    Links to folders are followed, and each folder is read once, however many ways lead to it.

    Raises :class:`BenchError` where there is no such folder, it cannot be read, or it has no photographs.
    """
    files = list(_files(folder))
    photographs = [path.relative_to(folder).as_posix() for path in files if path.suffix.lower() in SUFFIXES]
    if not photographs:
        others = f", but {told}" if (told := told_suffixes(_others(files))) else ""
        raise BenchError(f"{folder}: expected photographs (.jpg, .png, …) in it or below it, found none{others}")
    return sorted(photographs)


def other_suffixes(folder: Path, but: Path) -> Counter[str]:
    """Count the files, other than ``but``, that :func:`find_photographs` does not take, by suffix in lower case.

    Raises :class:`BenchError` where there is no such folder, or it cannot be read.
    """
    return _others(path for path in _files(folder) if os.path.realpath(path) != os.path.realpath(but))


def told_suffixes(counts: Counter[str]) -> str:
    """Write suffixes, the most frequent first: ``12 .heic, 1 without a suffix``."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], not item[0], item[0]))
    return ", ".join(f"{count:,} {suffix or 'without a suffix'}" for suffix, count in ordered)


def _others(files: Iterable[Path]) -> Counter[str]:
    return Counter(path.suffix.lower() for path in files if path.suffix.lower() not in SUFFIXES)


def _files(folder: Path) -> Iterator[Path]:
    """Files below a folder, each folder once; raises :class:`BenchError` where there is none, or it cannot be read."""
    if not folder.is_dir():
        raise BenchError(f"{folder}: {'a file, not a folder' if folder.exists() else 'no such folder'}")

    def refuse(problem: OSError) -> None:
        raise BenchError(f"{problem.filename}: the folder cannot be read ({problem.strerror}); check its permissions")

    walked: set[str] = set()
    for parent, below, names in os.walk(folder, onerror=refuse, followlinks=True):
        place = os.path.realpath(parent)
        if place in walked:
            below.clear()
            continue
        walked.add(place)
        # A folder itself comes before links to it, in one order on every file system.
        below[:] = sorted(
            (name for name in below if not name.startswith(".")),
            key=lambda name: (Path(parent, name).is_symlink(), name),
        )
        yield from (Path(parent, name) for name in names if not name.startswith("."))


def make_manifest(
    paths: Sequence[str], pattern: NamePattern, *, test_share: float = 0.5, queries_per_camera: int = 1, seed: int = 0
) -> Manifest:
    """Read ``paths`` by the pattern and split them; the order of the paths does not matter.

    A share of the identities is for testing, chosen at random among those that two or more cameras saw; all others are
    for training. Of each camera of a test identity, up to ``queries_per_camera`` images chosen at random are queries;
    the others, at least one, are gallery images. Every query has a match from another camera.

    Raises :class:`BenchError` for options out of range, names that fit no pattern or cannot be listed, and sets that
    cannot be split so.
    """
    if not 0 < test_share < 1:
        raise BenchError(f"the share of identities for testing must lie between 0 and 1, found {test_share}")
    if queries_per_camera < 1:
        raise BenchError(f"a camera asks with 1 image or more of a person, found {queries_per_camera}")
    photographs, unmatched = _read(paths, pattern)
    people: dict[str, dict[str, list[Photograph]]] = {}
    for one in photographs:
        people.setdefault(one.person, {}).setdefault(one.camera, []).append(one)
    cameras = sorted({one.camera for one in photographs})
    eligible = _eligible(people, cameras)

    generator = np.random.default_rng((MANIFEST_STREAM, seed))
    count = min(max(1, round(test_share * len(people))), len(eligible), len(people) - 1)
    tested = {eligible[index] for index in generator.permutation(len(eligible))[:count]}
    queries = {one for person in sorted(tested) for one in _queries(people[person], queries_per_camera, generator)}
    pids, camids = _numbers(people, lowest=1), _numbers(cameras, lowest=0)
    named = [column for column, numbers in zip(NAME_COLUMNS, (pids, camids), strict=True) if not _are_numbers(numbers)]
    rows = []
    for one in photographs:
        split = "train" if one.person not in tested else "query" if one in queries else "gallery"
        values: dict[str, str | int] = dict(
            zip(COLUMNS, (one.path, pids[one.person], camids[one.camera], split), strict=True)
        )
        rows.append(values | {column: getattr(one, column) for column in named})
    return Manifest(tuple(rows), unmatched)


def write_manifest(manifest: Manifest, folder: Path, out: Path, *, overwrite: bool = False) -> None:
    """Write the rows as CSV to ``out``, with paths relative to the folder of ``out``.

    Raises :class:`BenchError` where ``out`` is neither in ``folder`` nor above it, exists already, or cannot be
    written.
    """
    if out.exists() and not overwrite:
        raise BenchError(f"{out}: is there already; give another name, or --overwrite")
    home = Path(os.path.normpath(out.absolute())).parent
    photographs = Path(os.path.normpath(folder.absolute()))
    if not photographs.is_relative_to(home):
        raise BenchError(
            f"{out}: a manifest lists files below its own folder, and {folder} is not below {home}; "
            f"write it to {folder / 'manifest.csv'}"
        )
    prefix = photographs.relative_to(home)
    try:
        with replacing(out) as beside, beside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(manifest.rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows({**row, "path": (prefix / str(row["path"])).as_posix()} for row in manifest.rows)
    except OSError as problem:
        raise BenchError(f"{out}: cannot be written ({problem.strerror}); name a file elsewhere") from problem


def _read(paths: Iterable[str], pattern: NamePattern) -> tuple[list[Photograph], tuple[str, ...]]:
    photographs, unmatched = [], []
    for path in sorted(paths):
        names = pattern.read(path)
        if names is None:
            unmatched.append(path)
            continue
        if not _can_be_listed(path):
            raise BenchError(
                f"{path!r}: a manifest cannot hold a name with line ends, blanks around it or bytes that are no UTF-8; "
                "rename the file"
            )
        if names[0] == "-1":
            raise BenchError(
                f"{path}: identity -1 marks junk in Market-1501, which has a reader of its own (market1501); "
                "to leave such files out, let the pattern take other identities alone: (?P<pid>[0-9]+)"
            )
        photographs.append(Photograph(path, *names))
    if not photographs:
        raise BenchError(
            f"none of {len(unmatched):,} photographs fits the pattern '{pattern.text}', which must fit the whole name; "
            f"they are such as {', '.join(unmatched[:SHOWN])}"
        )
    return photographs, tuple(unmatched)


def _can_be_listed(path: str) -> bool:
    """Whether the manifest's reader gets this path back: it strips fields, and the file is in UTF-8."""
    surrogates = re.search("[\ud800-\udfff]", path)
    return path == path.strip() and not surrogates and "\n" not in path and "\r" not in path


def _eligible(people: Mapping[str, Mapping[str, object]], cameras: Sequence[str]) -> list[str]:
    """Identities that two or more cameras saw; raises :class:`BenchError` where no split is possible."""
    if len(people) < 2:
        raise BenchError(f"a split needs two identities or more, found {', '.join(people)} alone; check the pattern")
    if len(cameras) < 2:
        raise BenchError(
            f"all photographs are of camera {cameras[0]!r}: a person is searched for in another camera than the "
            "query's, so that no identity can be found; check the pattern, or add a second camera"
        )
    eligible = sorted(person for person, seen in people.items() if len(seen) > 1)
    if not eligible:
        raise BenchError(
            f"none of the {len(people):,} identities was seen by two cameras (of {len(cameras)}), so that none can "
            "be searched for; check what the pattern takes for identity and camera"
        )
    return eligible


def _queries(
    by_camera: Mapping[str, Sequence[Photograph]], most: int, generator: np.random.Generator
) -> list[Photograph]:
    """Query images of one identity.

    The image of a camera with a single image is a query. Where fewer than two cameras have more than one image, one
    camera with a single image has no query: that image stays in the gallery as a match for the others.
    """
    cameras = sorted(by_camera)
    single = [camera for camera in cameras if len(by_camera[camera]) == 1]
    if len(cameras) - len(single) < 2:
        cameras.remove(single[generator.integers(len(single))])
    queries = []
    for camera in cameras:
        images = by_camera[camera]
        count = min(most, max(1, len(images) - 1))
        queries += [images[index] for index in generator.permutation(len(images))[:count]]
    return queries


def _numbers(names: Iterable[str], lowest: int) -> dict[str, int]:
    """Number of each name: its own where all names are different whole numbers ≥ ``lowest``, else 1, 2, … in order."""
    ordered = sorted(names)
    if all(re.fullmatch("[0-9]{1,18}", name) and int(name) >= lowest for name in ordered):
        own = {name: int(name) for name in ordered}
        if len(set(own.values())) == len(own):
            return own
    return {name: number for number, name in enumerate(ordered, start=1)}


def _are_numbers(numbers: Mapping[str, int]) -> bool:
    """Whether every name is its own number."""
    return all(re.fullmatch("[0-9]{1,18}", name) and int(name) == number for name, number in numbers.items())
