"""Market-1501 and every set in its layout: three folders of images whose names say who was seen by which camera.

Source: Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015, and the readme of the set.
``0002_c1s1_000451_03.jpg`` is identity 2, camera 1; identity ``0000`` is a distractor and ``-1`` is junk. DukeMTMC-reID
and CUHK03-NP are handed round in the same layout.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.data.dataset import DISTRACTOR, DatasetReader, DatasetRequest, Frame, ReidDataset
from bench.errors import BenchError
from bench.progress import Reporter

SPLIT_FOLDERS = ("bounding_box_train", "query", "bounding_box_test")
"""Folders of the training, query and gallery images."""
USUAL_NAMES = ("Market-1501-v15.09.15", "Market-1501", "market1501", "market_1501")
"""Names under which the set's folder is found in a folder of datasets, in any case; the first that fits is taken."""
LEFT_BY_FILE_MANAGERS = frozenset({"thumbs.db", "desktop.ini"})
FILE_NAME = re.compile(r"(-1|[0-9]+)_c([0-9]+).*\.(?:jpg|jpeg|png)", re.IGNORECASE)


def read_market1501_folder(
    folder: Path, name: str, *, rendered: bool = False, details: Mapping[str, str | int | float] | None = None
) -> ReidDataset:
    """Read a set in Market-1501 layout, found in ``folder`` itself or below it under one of the usual names.

    Junk (−1) and distractors (0) are dropped from the training images and stay in the gallery. Camera numbers are
    kept as written. Every visible file has to fit the pattern: an image that is passed over in silence changes scores.
    """
    root = _find_root(folder.expanduser())
    train, query, gallery = (_read_split(root / split) for split in SPLIT_FOLDERS)
    nobody = next((frame for frame in query if frame.pid <= DISTRACTOR), None)
    if nobody is not None:
        raise BenchError(
            f"{nobody.path}: a query must show a real identity (1 or more), its name says {nobody.pid}; take it out"
        )
    train = [frame for frame in train if frame.pid > DISTRACTOR]
    if not train:
        raise BenchError(f"{root / SPLIT_FOLDERS[0]} shows no identity above 0: there is nobody to train on")
    check_protocol(train, query, gallery, str(root))
    return ReidDataset(
        name=name,
        root=root,
        train=tuple(train),
        query=tuple(query),
        gallery=tuple(gallery),
        rendered=rendered,
        details=dict(details or {}),
    )


def check_protocol(train: Iterable[Frame], query: Sequence[Frame], gallery: Iterable[Frame], source: str) -> None:
    """Raise unless test identities are new and the Market-1501 protocol can score at least one query.

    A match is an image of the query's identity from *another* camera. Single queries without one are left to the
    evaluator, which skips them; if all lack one, camera labels are nearly always at fault.
    """
    gallery = list(gallery)
    shared = sorted({frame.pid for frame in train} & {frame.pid for frame in (*query, *gallery)})
    if shared:
        raise BenchError(
            f"{source}: training and test identities must be different people, but {len(shared)} are in both, "
            f"identity {shared[0]} among them; move all images of a person to one side"
        )
    cameras: dict[int, set[int]] = {}
    for frame in gallery:
        cameras.setdefault(frame.pid, set()).add(frame.camid)
    if not any(cameras.get(frame.pid, set()) - {frame.camid} for frame in query):
        raise BenchError(
            f"{source}: none of the {len(query)} queries has a gallery image of its identity from another camera, so "
            "none can be scored; if the set has one camera, give query and gallery different camera numbers"
        )


def _find_root(folder: Path) -> Path:
    """Folder that holds the three split folders: ``folder`` itself, or up to two levels of usual names below it."""
    if not folder.is_dir():
        kind = "a file, not a folder" if folder.exists() else "no such folder"
        raise BenchError(f"{folder}: {kind}; give the folder that holds {', '.join(SPLIT_FOLDERS)}")
    below = _usually_named(folder)
    candidates = [folder, *below, *(nested for child in below for nested in _usually_named(child))]
    # The one with the most split folders, the nearest of equals: an incomplete copy is named rather than passed by.
    best = max(candidates, key=lambda candidate: sum((candidate / split).is_dir() for split in SPLIT_FOLDERS))
    missing = [split for split in SPLIT_FOLDERS if not (best / split).is_dir()]
    if missing:
        found = sorted(entry.name + "/" * entry.is_dir() for entry in best.iterdir() if not entry.name.startswith("."))
        shown = ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "")
        raise BenchError(f"{best}: expected the folder {' and '.join(missing)}, found {shown or 'an empty folder'}")
    return best


def _usually_named(folder: Path) -> list[Path]:
    by_name = {entry.name.lower(): entry for entry in sorted(folder.iterdir()) if entry.is_dir()}
    return [by_name[name.lower()] for name in USUAL_NAMES if name.lower() in by_name]


def _read_split(folder: Path) -> list[Frame]:
    """Frames of one split folder, sorted by file name (the order of a folder listing depends on the file system)."""
    frames = []
    for path in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if path.name.startswith(".") or path.name.lower() in LEFT_BY_FILE_MANAGERS or path.is_dir():
            continue
        match = FILE_NAME.fullmatch(path.name)
        if match is None:
            raise BenchError(
                f"{path}: the name does not say who and which camera; expected IDENTITY_cCAMERA… and .jpg or .png, "
                "such as 0002_c1s1_000451_03.jpg; rename the file or move it out of the folder"
            )
        frames.append(Frame(path, pid=int(match[1]), camid=int(match[2])))
    if not frames:
        raise BenchError(f"{folder}: expected images such as 0002_c1s1_000451_03.jpg, found none")
    return frames


def _read(request: DatasetRequest, reporter: Reporter) -> ReidDataset:
    assert request.root is not None, "DatasetReader.open asks for the root of a reader that needs one"
    dataset = read_market1501_folder(request.root, MARKET1501.name)
    reporter.note(
        f"{dataset.name}: {len(dataset.train)} training, {len(dataset.query)} query and {len(dataset.gallery)} "
        f"gallery images in {dataset.root}"
    )
    return dataset


MARKET1501 = DatasetReader(
    name="market1501",
    summary="Market-1501, or any set in its layout (bounding_box_train, query, bounding_box_test)",
    read=_read,
)
