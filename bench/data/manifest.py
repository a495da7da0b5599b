"""One's own data from a list: a CSV with the columns ``path``, ``pid``, ``camid`` and ``split``.

``split`` is ``train``, ``query`` or ``gallery``. A column ``tracklet``, where there is one, numbers the short videos of
query and gallery, which are then ranked as one entry each (:mod:`bench.retrieval.tracklets`); a number counts within
its split, and training images stand alone. Further columns are ignored. Paths are relative to the CSV's folder. The
list serves restricted sets too, whose images may not be moved or renamed.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.data.dataset import DISTRACTOR, JUNK, DatasetReader, DatasetRequest, ImageSample, ReidDataset
from bench.data.protocol import check_protocol
from bench.data.tracklets import entries
from bench.errors import BenchError
from bench.progress import Reporter

FILE_NAME = "manifest.csv"
COLUMNS = ("path", "pid", "camid", "split")
TRACKLET = "tracklet"
"""The column that may be missing."""
SPLITS = ("train", "query", "gallery")


def read_manifest(root: Path) -> ReidDataset:
    """Read the set that a manifest lists; ``root`` is the CSV file, or the folder that holds ``manifest.csv``."""
    listing = _find_listing(root)
    splits: dict[str, dict[Path, tuple[int, ImageSample]]] = {split: {} for split in SPLITS}
    for row, fields in _rows(listing):
        place = f"{listing}, row {row} (the header is row 1)"
        split, sample = _parse(fields, listing.parent, place)
        earlier = splits[split].setdefault(sample.path, (row, sample))
        if earlier[0] != row:
            raise BenchError(f"{place}: {fields['path']} is in {split} already (row {earlier[0]}); drop one row")
    for split, found in splits.items():
        if not found:
            raise BenchError(f"{listing}: expected rows of the splits train, query and gallery, found none of {split}")
    train, query, gallery = (
        tuple(sample for _, sample in sorted(splits[split].values(), key=lambda entry: entry[1])) for split in SPLITS
    )
    check_protocol(train, query, gallery, str(listing))
    for samples in (query, gallery):
        entries(samples)  # raises where a tracklet's samples do not agree
    folder = listing.parent
    return ReidDataset(name=f"manifest-{folder.resolve().name}", root=folder, train=train, query=query, gallery=gallery)


def _find_listing(root: Path) -> Path:
    listing = root / FILE_NAME if root.is_dir() else root
    if not listing.is_file():
        raise BenchError(f"{listing}: no such file; give a CSV of {','.join(COLUMNS)}, or the folder of a {FILE_NAME}")
    return listing


def _rows(listing: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Row number, as an editor counts lines, and the named fields of every row that is not blank."""
    try:
        # Spreadsheets put a byte order mark before the first column's name; utf-8-sig takes it off.
        with listing.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            header = [name.strip() for name in reader.fieldnames or ()]
            missing = [name for name in COLUMNS if name not in header]
            if missing:
                found = ",".join(header) or "an empty file"
                raise BenchError(f"{listing}: no column {missing[0]}: expected {','.join(COLUMNS)}, found {found}")
            reader.fieldnames = header
            for fields in reader:
                yield reader.line_num, {name: (fields.get(name) or "").strip() for name in (*COLUMNS, TRACKLET)}
    except UnicodeDecodeError as error:
        raise BenchError(f"{listing}: not a text in UTF-8 ({error.reason}); save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise BenchError(f"{listing}: cannot be read as CSV: {error}") from error


def _parse(fields: Mapping[str, str], folder: Path, place: str) -> tuple[str, ImageSample]:
    """Split and sample of one row, every field checked."""
    split = fields["split"].lower()
    if split not in SPLITS:
        raise BenchError(f"{place}: split must be train, query or gallery, found {fields['split']!r}")
    # Junk and distractors belong in the gallery alone; dropping them elsewhere would lose the person whom a
    # list that counts from 0 calls 0.
    lowest_pid = JUNK if split == "gallery" else DISTRACTOR + 1
    pid = _whole_number(fields["pid"], "pid", lowest_pid, f"{place}, {split} split")
    camid = _whole_number(fields["camid"], "camid", 0, place)
    tracklet = _whole_number(fields[TRACKLET], TRACKLET, 0, place) if fields[TRACKLET] and split != "train" else None
    return split, ImageSample(_inside(fields["path"], folder, place), pid, camid, tracklet)


def _whole_number(text: str, column: str, lowest: int, place: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", text) or int(text) < lowest:
        raise BenchError(f"{place}: {column} must be a whole number of {lowest} or more, found {text!r}")
    return int(text)


def _inside(text: str, folder: Path, place: str) -> Path:
    """Path of an existing file below ``folder``.

    The check is on the path as written, without following links: a link inside the folder was put there by the
    folder's owner, a path in a list that was handed on was not.
    """
    relative = os.path.normpath(text) if text else ""
    if not relative or Path(relative).is_absolute() or Path(relative).parts[:1] == (os.pardir,):
        raise BenchError(f"{place}: path must be a file below {folder}, written relative to it, found {text!r}")
    path = folder / relative
    if not path.is_file():
        raise BenchError(f"{place}: no such file: {path}")
    return path


def _read(request: DatasetRequest, reporter: Reporter) -> ReidDataset:
    dataset = read_manifest(request.folder)
    reporter.note(dataset.summary())
    return dataset


MANIFEST = DatasetReader(
    name="manifest",
    summary="your own images, listed in a CSV of path, pid, camid and split (train, query, gallery); tracklet, if any",
    read=_read,
)
