"""Market-1501 and every set in its layout: three folders of images whose names hold identity and camera.

Source: Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015, and the readme of the set.
``0002_c1s1_000451_03.jpg`` is identity 2, camera 1; identity ``0000`` is a distractor and ``-1`` is junk. DukeMTMC-reID
and CUHK03-NP are distributed in the same layout.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.data.dataset import DISTRACTOR, DatasetReader, DatasetRequest, ImageSample, ReidDataset, choice
from bench.data.folders import contents, find_dataset
from bench.data.protocol import check_protocol
from bench.errors import BenchError
from bench.progress import Reporter

SPLIT_FOLDERS = ("bounding_box_train", "query", "bounding_box_test")
"""Folders of the training, query and gallery images."""
DISTRACTOR_FOLDERS = ("images", "distractors_500k/images", "distractors_500k")
"""Folders that ``distractors_500k.zip`` unpacks its images to, in the set's folder or beside it."""
LEFT_BY_FILE_MANAGERS = frozenset({"thumbs.db", "desktop.ini"})
SWITCH = ("false", "true")


@dataclass(frozen=True)
class MarketLayout:
    """What differs between the sets of this layout.

    ``usual_names`` are the names of the set's folder in a folder of datasets, in any case; the first that exists is
    taken. ``file_name`` matches the whole name of an image; its groups are identity and camera. ``example`` is such a
    name. ``folders`` hold the training, query and gallery images. ``counted_from`` is the first identity where names
    count from 0, which is no distractor there: pids here are one higher.
    """

    usual_names: tuple[str, ...]
    file_name: re.Pattern[str]
    example: str
    folders: tuple[str, str, str] = SPLIT_FOLDERS
    counted_from: int = 1


ANY_NAME = re.compile(r"(-1|[0-9]+)_c([0-9]+).*\.(?:jpg|jpeg|png)", re.IGNORECASE)
MARKET_LAYOUT = MarketLayout(
    usual_names=("Market-1501-v15.09.15", "Market-1501", "market1501", "market_1501"),
    file_name=ANY_NAME,
    example="0002_c1s1_000451_03.jpg",
)


def read_market1501_folder(
    folder: Path,
    name: str,
    *,
    layout: MarketLayout = MARKET_LAYOUT,
    distractors: bool = False,
    rendered: bool = False,
    details: Mapping[str, str | int | float] | None = None,
) -> ReidDataset:
    """Read a set in Market-1501 layout, found in ``folder`` itself or below it under one of the usual names.

    Junk (−1) and distractors (0) are left out of the training images and stay in the gallery. Camera numbers are kept
    as written. ``distractors`` adds the folder of further distractors to the gallery.

    Raises :class:`BenchError` where a folder is missing or empty, a visible file does not fit the pattern, an image
    lies a folder too deep (left out in silence, either would change scores), or the protocol cannot score the set.
    """
    root = find_dataset(folder.expanduser(), layout.usual_names, layout.folders)
    train, query, gallery = (_read_split(root / split, layout) for split in layout.folders)
    unidentified = next((sample for sample in query if sample.pid <= DISTRACTOR), None)
    if unidentified is not None:
        raise BenchError(
            f"{unidentified.path}: a query must show a real identity (1 or more), its name says {unidentified.pid}; "
            "take it out"
        )
    train = [sample for sample in train if sample.pid > DISTRACTOR]
    if not train:
        raise BenchError(f"{root / layout.folders[0]} shows no identity above 0: there is no identity to train on")
    if distractors:
        gallery += _read_distractors(root, layout)
    check_protocol(train, query, gallery, str(root))
    return ReidDataset(
        name=name,
        root=root,
        train=tuple(train),
        query=tuple(query),
        gallery=tuple(sorted(gallery, key=lambda sample: sample.path.name)),
        rendered=rendered,
        details=dict(details or {}),
    )


def _read_split(folder: Path, layout: MarketLayout) -> list[ImageSample]:
    """Image samples of one split folder, sorted by file name: the order of a listing depends on the file system."""
    samples = []
    for path in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if path.name.startswith(".") or path.name.lower() in LEFT_BY_FILE_MANAGERS:
            continue
        if path.is_dir():
            _refuse_images_below(path, layout)
            continue
        match = layout.file_name.fullmatch(path.name)
        if match is None:
            raise BenchError(
                f"{path}: the name does not say who and which camera; expected IDENTITY_cCAMERA… and .jpg or .png, "
                f"such as {layout.example}; rename the file or move it out of the folder"
            )
        samples.append(ImageSample(path, pid=int(match[1]) + 1 - layout.counted_from, camid=int(match[2])))
    if not samples:
        raise BenchError(f"{folder}: expected images such as {layout.example}, found none")
    return samples


def _refuse_images_below(folder: Path, layout: MarketLayout) -> None:
    """Raise :class:`BenchError` where a folder inside a split holds images of the set: they would not be counted."""
    for path in sorted(folder.iterdir()):
        if layout.file_name.fullmatch(path.name) and path.is_file():
            raise BenchError(
                f"{path}: one folder too deep, it would be left out; move the images up into {folder.parent}, or the "
                f"folder {folder.name} elsewhere"
            )


def _read_distractors(root: Path, layout: MarketLayout) -> list[ImageSample]:
    candidates = [base / name for base in (root, root.parent) for name in DISTRACTOR_FOLDERS]
    folder = next((candidate for candidate in candidates if candidate.is_dir()), None)
    if folder is None:
        raise BenchError(
            f"{root}: expected the folder {DISTRACTOR_FOLDERS[0]} with the distractors, found {contents(root)}; unpack "
            "distractors_500k.zip there, or leave out distractors=true"
        )
    samples = _read_split(folder, layout)
    identified = next((sample for sample in samples if sample.pid > DISTRACTOR), None)
    if identified is not None:
        raise BenchError(
            f"{identified.path}: expected distractors alone, whose names begin with 0000, found identity "
            f"{identified.pid}; is this another folder?"
        )
    return samples


def _official(options: Mapping[str, str]) -> dict[str, int]:
    # The folder holds 19,732 gallery images. Papers that leave out the 3,819 of identity -1 print 15,913.
    added = 500_000 if choice(options, "distractors", SWITCH) == "true" else 0
    return {
        "training images": 12_936,
        "training identities": 751,
        "query images": 3_368,
        "query identities": 750,
        "gallery images": 19_732 + added,
        "gallery identities": 750,
        "cameras": 6,
    }


def _read(request: DatasetRequest, reporter: Reporter) -> ReidDataset:
    distractors = choice(request.options, "distractors", SWITCH) == "true"
    # Another gallery is another set: the scores of both must not stand in one table under one name.
    name = MARKET1501.name + ("-500k" if distractors else "")
    dataset = read_market1501_folder(request.folder, name, distractors=distractors)
    reporter.note(dataset.summary())
    return dataset


def _options_of(name: str) -> dict[str, str]:
    return {"distractors": "true"} if name.endswith("-500k") else {}


MARKET1501 = DatasetReader(
    name="market1501",
    summary=(
        "Market-1501, or any set in its layout (bounding_box_train, query, bounding_box_test); distractors=true adds "
        "the 500,000 of the folder images to the gallery"
    ),
    read=_read,
    option_names=("distractors",),
    official=_official,
    options_of=_options_of,
)
