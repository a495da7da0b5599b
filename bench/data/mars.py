"""MARS: tracklets from the cameras of Market-1501, each a short video of one person in one camera.

Source: Zheng et al., "MARS: A Video Benchmark for Large-Scale Person Re-Identification", ECCV 2016, and the official
evaluation code (liangzheng06/MARS-evaluation), whose folder ``info`` lists the images of each tracklet. A name like
``0001C1T0002F003.jpg`` holds identity, camera, tracklet and frame; identity ``0000`` is a distractor, ``00-1`` junk.

Training uses single images. Query and gallery are ranked by tracklet, by the mean of its images' embeddings
(:mod:`bench.retrieval.tracklets`; the official code takes the maximum and normalises, with the mean as an alternative).
Identities held out for calibration come from the training images, so their thresholds are fitted on single images.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.data.dataset import DISTRACTOR, DatasetReader, DatasetRequest, ImageSample, ReidDataset, choice
from bench.data.folders import find_dataset, require_files
from bench.data.protocol import check_protocol
from bench.errors import WRONG_FORM, BenchError
from bench.progress import Reporter

USUAL_NAMES = ("MARS", "MARS-v160809")
IMAGE_FOLDERS = {"train": "bbox_train", "test": "bbox_test"}
WHERE_INFO_IS = "; the folder info is part of the official evaluation code, MARS-evaluation"
GALLERIES = ("all", "rest")
"""``all`` test tracklets, as in the official evaluation (the query itself is left out, as an image of its own camera);
``rest``: those that are no query, 9,330 and the junk, as in torchreid, where some queries have no match."""
FILE_NAME = re.compile(r"(00-1|[0-9]{4})C([0-9]+)T[0-9]+F[0-9]+\.jpg", re.IGNORECASE)


@dataclass(frozen=True)
class Tracklet:
    """One row of an info file: its number there, counted from 1, and its images, identity and camera."""

    number: int
    images: tuple[str, ...]
    pid: int
    camid: int


def read_mars(folder: Path, options: Mapping[str, str]) -> ReidDataset:
    """Read the set; the option ``frames`` keeps so many images of each tracklet, evenly spaced, and all by default.

    Raises :class:`BenchError` for a wrong option, missing files, and lists that contradict each other.
    """
    most = options.get("frames", "all")
    if most != "all" and not (most.isdecimal() and int(most) > 0):
        raise BenchError(f"mars takes frames=all or a whole number of 1 or more, found {most!r}")
    all_tracklets = choice(options, "gallery", GALLERIES) == "all"
    root = find_dataset(folder, USUAL_NAMES, (*IMAGE_FOLDERS.values(), "info"), WHERE_INFO_IS)
    training, testing = (_tracklets(root, split) for split in IMAGE_FOLDERS)
    queries = _query_numbers(root / "info" / "query_IDX.mat", testing)
    answering = [tracklet for tracklet in testing if all_tracklets or tracklet.number not in queries]
    train, query, gallery = (
        tuple(sorted(_frames(root, split, tracklets, None if most == "all" else int(most))))
        for split, tracklets in (
            ("train", [tracklet for tracklet in training if tracklet.pid > DISTRACTOR]),
            ("test", [tracklet for tracklet in testing if tracklet.number in queries]),
            ("test", answering),
        )
    )
    check_protocol(train, query, gallery, str(root))
    name = MARS.name + ("" if all_tracklets else "-rest") + ("" if most == "all" else f"-frames{most}")
    return ReidDataset(name=name, root=root, train=train, query=query, gallery=gallery)


def _tracklets(root: Path, split: str) -> list[Tracklet]:
    """Tracklets of one info file; the name of every image is checked, and that the file exists."""
    listing, table = root / "info" / f"{split}_name.txt", root / "info" / f"tracks_{split}_info.mat"
    names = _lines(listing)
    rows = _matrix(table, f"track_{split}_info")
    if rows and len(rows[0]) != 4:
        raise BenchError(f"{table}: expected rows of first image, last image, identity, camera, found {rows[0]}")
    tracklets = []
    for number, (first, last, pid, camid) in enumerate(rows, start=1):
        location = f"{table}, tracklet {number}"
        if not 1 <= first <= last <= len(names):
            raise BenchError(
                f"{location}: images {first} to {last} are not in {listing}, which names {len(names)}; "
                "take both files from one release"
            )
        tracklet = Tracklet(number, tuple(names[first - 1 : last]), pid, camid)
        for name in tracklet.images:
            match = FILE_NAME.fullmatch(name)
            found = (-1 if match[1] == "00-1" else int(match[1]), int(match[2])) if match else "another pattern"
            if found != (pid, camid):
                raise BenchError(
                    f"{location}: expected images of identity {pid} in camera {camid}, named as 0001C1T0001F001.jpg, "
                    f"found {name}; take {listing.name} and {table.name} from one release"
                )
        tracklets.append(tracklet)
    if not any(tracklet.pid > DISTRACTOR for tracklet in tracklets):
        raise BenchError(f"{table}: expected tracklets of identities above 0, found none")
    require_files((_path(root, split, name) for tracklet in tracklets for name in tracklet.images), listing)
    return tracklets


def _query_numbers(table: Path, tracklets: Sequence[Tracklet]) -> set[int]:
    """Numbers of the tracklets that are queries."""
    numbers = {number for row in _matrix(table, "query_IDX") for number in row}
    for number in sorted(numbers):
        if not 1 <= number <= len(tracklets):
            raise BenchError(f"{table}: query {number} is not one of the {len(tracklets)} test tracklets")
        if tracklets[number - 1].pid <= DISTRACTOR:
            raise BenchError(
                f"{table}: a query must show a real identity (1 or more), tracklet {number} shows "
                f"{tracklets[number - 1].pid}; take all files of info from one release"
            )
    if not numbers:
        raise BenchError(f"{table}: expected the numbers of the query tracklets, found none")
    return numbers


def _frames(root: Path, split: str, tracklets: Iterable[Tracklet], most: int | None) -> Iterator[ImageSample]:
    for tracklet in tracklets:
        number = tracklet.number if split == "test" else None
        for image in _evenly_spaced(tracklet.images, most):
            yield ImageSample(_path(root, split, image), tracklet.pid, tracklet.camid, number)


def _evenly_spaced(images: Sequence[str], most: int | None) -> Sequence[str]:
    """At most so many images, each the middle of an equal part of the tracklet."""
    if most is None or most >= len(images):
        return images
    return [images[(2 * part + 1) * len(images) // (2 * most)] for part in range(most)]


def _path(root: Path, split: str, name: str) -> Path:
    return root / IMAGE_FOLDERS[split] / name[:4] / name


def _lines(listing: Path) -> list[str]:
    if not listing.is_file():
        raise BenchError(f"{listing}: no such file{WHERE_INFO_IS}")
    return listing.read_text(encoding="utf-8-sig").split()


def _matrix(path: Path, variable: str) -> list[list[int]]:
    """Rows of whole numbers that a .mat file holds under the name of a variable."""
    # Imported here so that listing datasets does not wait for scipy.
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    if not path.is_file():
        raise BenchError(f"{path}: no such file{WHERE_INFO_IS}")
    try:
        return loadmat(path)[variable].astype(int).tolist()
    except (OSError, NotImplementedError, MatReadError, *WRONG_FORM) as problem:
        raise BenchError(f"{path}: expected a .mat file with the variable {variable} ({problem})") from problem


def _official(options: Mapping[str, str]) -> dict[str, int]:
    # The release counts 12,180 test tracklets, 1,980 of them queries and 870 junk (-1), and the 681,089 images of all
    # of them together. Its 8,298 training tracklets are single images here.
    rest = choice(options, "gallery", GALLERIES) == "rest"
    counts = {
        "training identities": 625,
        "query identities": 626,
        "query tracklets": 1_980,
        "gallery tracklets": 12_180 - 1_980 * rest,
        "cameras": 6,
    }
    return counts | ({"training images": 509_914} if options.get("frames", "all") == "all" else {})


def _read(request: DatasetRequest, reporter: Reporter) -> ReidDataset:
    dataset = read_mars(request.folder, request.options)
    reporter.note(dataset.summary())
    return dataset


def _options_of(name: str) -> dict[str, str]:
    frames = re.search("-frames([0-9]+)$", name)
    return ({"gallery": "rest"} if "-rest" in name else {}) | ({"frames": frames[1]} if frames else {})


MARS = DatasetReader(
    name="mars",
    summary=(
        "MARS, ranked by tracklet; frames=15 keeps so many of each (all by default: 1.2 million images), "
        "gallery=all (the default, official) or rest (without the query tracklets)"
    ),
    read=_read,
    option_names=("frames", "gallery"),
    official=_official,
    options_of=_options_of,
)
