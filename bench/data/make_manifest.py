"""A manifest for a folder of photographs whose names say who was seen by which camera.

Where identities or cameras are not numbers, they are numbered, and the names stand in two further columns of the
manifest (``person``, ``camera``), which its reader passes over.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np

from bench.data.manifest import COLUMNS
from bench.data.name_pattern import NamePattern
from bench.errors import BenchError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff", ".webp"})
"""Files that are taken for photographs, in any case."""
NAME_COLUMNS = ("person", "camera")
MANIFEST_STREAM = 3
"""Sets these draws apart from others that start from the same seed."""
SHOWN = 3
"""Files that a message names."""


@dataclass(frozen=True)
class Photograph:
    """One file: its path below the folder, with ``/``, and what its name says."""

    path: str
    person: str
    camera: str


@dataclass(frozen=True)
class Manifest:
    """Rows as they are written, and the files that do not fit the pattern."""

    rows: tuple[Mapping[str, str | int], ...]
    unmatched: tuple[str, ...] = ()

    def count(self, split: str, column: str = "path") -> int:
        """Count what a column holds in a split: images by default."""
        return len({row[column] for row in self.rows if row["split"] == split})


def find_photographs(folder: Path) -> list[str]:
    """Paths of all image files below a folder, with ``/``, sorted; hidden files and folders are passed over."""
    if not folder.is_dir():
        raise BenchError(f"{folder}: {'a file, not a folder' if folder.exists() else 'no such folder'}")

    def refuse(problem: OSError) -> None:
        raise BenchError(f"{problem.filename}: the folder cannot be read ({problem.strerror}); check its permissions")

    found = []
    for place, below, names in os.walk(folder, onerror=refuse):
        below[:] = [name for name in below if not name.startswith(".")]
        paths = (Path(place, name) for name in names if not name.startswith("."))
        found += [path.relative_to(folder).as_posix() for path in paths if path.suffix.lower() in SUFFIXES]
    if not found:
        raise BenchError(f"{folder}: expected photographs (.jpg, .png, …) in it or below it, found none")
    return sorted(found)


def make_manifest(
    paths: Sequence[str], pattern: NamePattern, *, test_share: float = 0.5, queries_per_camera: int = 1, seed: int = 0
) -> Manifest:
    """Read ``paths`` by the pattern and split them; the order of the paths does not matter.

    A share of the identities, drawn by the seed among those that two cameras or more saw, is for testing; all others
    are for training. Each camera of a test identity asks with so many images, drawn by the seed, and answers with its
    others, of which it keeps one at least; every query has a match in another camera.
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
    drawn = {eligible[place] for place in generator.permutation(len(eligible))[:count]}
    asking = {one for person in sorted(drawn) for one in _queries(people[person], queries_per_camera, generator)}
    pids, camids = _numbers(people, lowest=1), _numbers(cameras, lowest=0)
    named = [column for column, numbers in zip(NAME_COLUMNS, (pids, camids), strict=True) if not _are_numbers(numbers)]
    rows = []
    for one in photographs:
        split = "train" if one.person not in drawn else "query" if one in asking else "gallery"
        values: dict[str, str | int] = dict(
            zip(COLUMNS, (one.path, pids[one.person], camids[one.camera], split), strict=True)
        )
        rows.append(values | {column: getattr(one, column) for column in named})
    return Manifest(tuple(rows), unmatched)


def write_manifest(manifest: Manifest, folder: Path, out: Path, *, overwrite: bool = False) -> None:
    """Write the rows as CSV; ``out`` lies in ``folder`` or above it, because the paths in it start from its place."""
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
    partial = out.with_name(f".{out.name}.{uuid4().hex}.partial")
    try:
        with partial.open("x", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(manifest.rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows({**row, "path": (prefix / str(row["path"])).as_posix()} for row in manifest.rows)
        partial.replace(out)
    except OSError as problem:
        raise BenchError(f"{out}: cannot be written ({problem.strerror}); name a file elsewhere") from problem
    finally:
        partial.unlink(missing_ok=True)


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
    """Whether the manifest's reader gets back what was written: it strips fields, and the file is in UTF-8."""
    surrogates = re.search("[\ud800-\udfff]", path)
    return path == path.strip() and not surrogates and "\n" not in path and "\r" not in path


def _eligible(people: Mapping[str, Mapping[str, object]], cameras: Sequence[str]) -> list[str]:
    """People whom two cameras or more saw; raises where there can be no split."""
    if len(people) < 2:
        raise BenchError(f"a split needs two identities or more, found {', '.join(people)} alone; check the pattern")
    if len(cameras) < 2:
        raise BenchError(
            f"all photographs are of camera {cameras[0]!r}: a person is searched for in another camera than the "
            "query's, so that nobody can be found; check the pattern, or add a second camera"
        )
    eligible = sorted(person for person, seen in people.items() if len(seen) > 1)
    if not eligible:
        raise BenchError(
            f"none of the {len(people):,} identities was seen by two cameras (of {len(cameras)}), so that nobody can "
            "be searched for; check what the pattern takes for identity and camera"
        )
    return eligible


def _queries(
    by_camera: Mapping[str, Sequence[Photograph]], most: int, generator: np.random.Generator
) -> list[Photograph]:
    """Images of one person that ask.

    A camera with a single image asks with it, except that one such camera only answers where fewer than two cameras
    have an image to spare: else somebody's only match would ask too.
    """
    cameras = sorted(by_camera)
    single = [camera for camera in cameras if len(by_camera[camera]) == 1]
    if len(cameras) - len(single) < 2:
        cameras.remove(single[generator.integers(len(single))])
    asking = []
    for camera in cameras:
        images = by_camera[camera]
        count = min(most, max(1, len(images) - 1))
        asking += [images[place] for place in generator.permutation(len(images))[:count]]
    return asking


def _numbers(names: Iterable[str], lowest: int) -> dict[str, int]:
    """Number of each name: its own where all are different whole numbers from ``lowest`` on, else 1, 2, … in order."""
    ordered = sorted(names)
    if all(re.fullmatch("[0-9]{1,18}", name) and int(name) >= lowest for name in ordered):
        own = {name: int(name) for name in ordered}
        if len(set(own.values())) == len(own):
            return own
    return {name: number for number, name in enumerate(ordered, start=1)}


def _are_numbers(numbers: Mapping[str, int]) -> bool:
    """Whether every name is its own number."""
    return all(re.fullmatch("[0-9]{1,18}", name) and int(name) == number for name, number in numbers.items())
