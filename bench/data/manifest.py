"""A dataset of one's own, listed in a CSV with the columns ``path``, ``pid``, ``camid`` and ``split``.

``split`` is ``train``, ``query`` or ``gallery``. An optional column ``tracklet`` numbers the short videos of query and
gallery, each of which is then ranked as one entry (:mod:`bench.retrieval.tracklets`). Numbers count within a split;
training images have none. Further columns are ignored. Paths are relative to the CSV's folder. The list also serves
restricted sets, whose images may not be moved or renamed.
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
"""The optional column."""
SPLITS = ("train", "query", "gallery")


def read_manifest(root: Path) -> ReidDataset:
    """Read the set that a manifest lists; ``root`` is the CSV file, or the folder that holds ``manifest.csv``.

    Raises :class:`BenchError` for a missing file or column, a wrong field, a path listed twice in a split, an empty
    split, and sets that the protocol cannot score.
    """
    listing = _find_listing(root)
    splits: dict[str, dict[Path, tuple[int, ImageSample]]] = {split: {} for split in SPLITS}
    for row, fields in _rows(listing):
        location = f"{listing}, row {row} (the header is row 1)"
        split, sample = _parse(fields, listing.parent, location)
        earlier = splits[split].setdefault(sample.path, (row, sample))
        if earlier[0] != row:
            raise BenchError(f"{location}: {fields['path']} is in {split} already (row {earlier[0]}); drop one row")
    for split, samples_by_path in splits.items():
        if not samples_by_path:
            raise BenchError(f"{listing}: expected rows of the splits train, query and gallery, found none of {split}")
    train, query, gallery = (
        tuple(sample for _, sample in sorted(splits[split].values(), key=lambda entry: entry[1])) for split in SPLITS
    )
    check_protocol(train, query, gallery, str(listing))
    for samples in (query, gallery):
        entries(samples)  # raises where a tracklet shows two identities or cameras
    folder = listing.parent
    return ReidDataset(name=f"manifest-{folder.resolve().name}", root=folder, train=train, query=query, gallery=gallery)


def _find_listing(root: Path) -> Path:
    listing = root / FILE_NAME if root.is_dir() else root
    if not listing.is_file():
        raise BenchError(f"{listing}: no such file; give a CSV of {','.join(COLUMNS)}, or the folder of a {FILE_NAME}")
    return listing


def _rows(listing: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Line number and named fields of every row that is not blank."""
    try:
        # Spreadsheets put a byte order mark before the first column's name; utf-8-sig removes it.
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


def _parse(fields: Mapping[str, str], folder: Path, location: str) -> tuple[str, ImageSample]:
    """Split and sample of one row, with every field checked; ``location`` begins the messages."""
    split = fields["split"].lower()
    if split not in SPLITS:
        raise BenchError(f"{location}: split must be train, query or gallery, found {fields['split']!r}")
    # Junk and distractors belong in the gallery alone. Elsewhere 0 is more likely an identity of a list that counts
    # from 0, and dropping it would lose a person.
    lowest_pid = JUNK if split == "gallery" else DISTRACTOR + 1
    pid = _whole_number(fields["pid"], "pid", lowest_pid, f"{location}, {split} split")
    camid = _whole_number(fields["camid"], "camid", 0, location)
    tracklet = None
    if fields[TRACKLET] and split != "train":
        tracklet = _whole_number(fields[TRACKLET], TRACKLET, 0, location)
    return split, ImageSample(_inside(fields["path"], folder, location), pid, camid, tracklet)


def _whole_number(text: str, column: str, lowest: int, location: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", text) or int(text) < lowest:
        raise BenchError(f"{location}: {column} must be a whole number of {lowest} or more, found {text!r}")
    return int(text)


def _inside(text: str, folder: Path, location: str) -> Path:
    """Path of an existing file below ``folder``.

    The path is checked as written, without following links: the owner of the folder may link elsewhere, but a
    list from another source must not point elsewhere.
    """
    relative = os.path.normpath(text) if text else ""
    if not relative or Path(relative).anchor or Path(relative).parts[:1] == (os.pardir,):
        raise BenchError(f"{location}: path must be a file below {folder}, written relative to it, found {text!r}")
    path = folder / relative
    if not path.is_file():
        raise BenchError(f"{location}: no such file: {path}")
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
