"""MSMT17: two folders of images, and four lists of the images of each split with their identities.

Source: Wei et al., "Person Transfer GAN to Bridge Domain Gap for Person Re-Identification", CVPR 2018, and the readme
of the set. A line ``0000/0000_000_01_0303morning_0008_0.jpg 0`` names identity 0; the third number of the file's name
is the camera. Version 2 is version 1 with blurred faces. Training and test identities are both numbered from 0 but are
different people: here training identity n has pid n + 1, and test identity n has pid n + 10,001.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.data.dataset import DatasetReader, DatasetRequest, ImageSample, ReidDataset, choice
from bench.data.folders import candidate_folders, contents, require_files
from bench.data.protocol import check_protocol
from bench.errors import BenchError
from bench.progress import Reporter

USUAL_NAMES = ("MSMT17_V1", "MSMT17_V2", "MSMT17", "msmt-17")
VERSIONS = {"V1": ("train", "test"), "V2": ("mask_train_v2", "mask_test_v2")}
"""Folders of the training and test images of each version."""
LISTS = {"train": "list_train.txt", "val": "list_val.txt", "query": "list_query.txt", "gallery": "list_gallery.txt"}
VALIDATION = ("true", "false")
"""Whether the images of the val list are training images. By default they are: the 32,621 training images of the set's
own paper, and of HashReID (section 4.1), are those of both lists. The val list shows no further identities."""
FIRST_TRAINING_PID = 1
FIRST_TEST_PID = 10_001
"""Far above the 1,041 training identities, so that an identity has the same pid whichever lists are read."""
LINE = re.compile(r"((?:[0-9]+/)?[0-9]+_[0-9]+_([0-9]+)_\S*\.(?:jpg|jpeg|png))\s+([0-9]+)", re.IGNORECASE)
EXAMPLE = "0000/0000_000_01_0303morning_0008_0.jpg 0"


def read_msmt17(folder: Path, options: Mapping[str, str]) -> ReidDataset:
    """Read the version that is found in ``folder`` or below it, or the one that the option ``version`` names.

    Raises :class:`BenchError` where a folder, list or image is missing, a line cannot be read, or an image is listed
    twice.
    """
    root, version = _find(folder, options.get("version", ""))
    training_folder, test_folder = (root / part for part in VERSIONS[version])
    with_validation = choice(options, "val", VALIDATION) == "true"
    splits: dict[str, dict[Path, ImageSample]] = {"train": {}, "query": {}, "gallery": {}}
    for split, listing in LISTS.items():
        if split == "val" and not with_validation:
            continue
        training = split in ("train", "val")
        images = training_folder if training else test_folder
        samples = splits["train" if training else split]
        for location, sample in _listed(root / listing, images, FIRST_TRAINING_PID if training else FIRST_TEST_PID):
            if samples.setdefault(sample.path, sample) is not sample:
                raise BenchError(f"{location}: {sample.path.name} was named before; drop one of the lines")
        require_files(samples, root / listing)
    train, query, gallery = (tuple(sorted(samples.values())) for samples in splits.values())
    check_protocol(train, query, gallery, str(root))
    # Another version or another choice of lists is another set: its scores must not stand under the same name.
    name = MSMT17.name + ("" if version == "V1" else "-v2") + ("" if with_validation else "-without-val")
    return ReidDataset(name=name, root=root, train=train, query=query, gallery=gallery, details={"version": version})


def _find(folder: Path, version: str) -> tuple[Path, str]:
    """Folder and version of the set."""
    asked = (choice({"version": version}, "version", tuple(VERSIONS)),) if version else tuple(VERSIONS)
    expected = " or ".join(f"{' and '.join(VERSIONS[version])} ({version})" for version in asked)
    candidates = candidate_folders(folder, USUAL_NAMES, [expected])
    found: dict[str, Path] = {}
    for one in asked:
        whole = [root for root in candidates if all((root / part).is_dir() for part in VERSIONS[one])]
        if whole:
            # A folder of datasets may itself have folders named train and test: the one with more lists is meant.
            found[one] = max(whole, key=lambda root: sum((root / listing).is_file() for listing in LISTS.values()))
    if len(found) == 1:
        return next((root, version) for version, root in found.items())
    if found:
        both = " and ".join(str(root) for root in found.values())
        raise BenchError(f"{folder}: found both versions, {both}; choose one with --data version=V1 or version=V2")
    raise BenchError(f"{folder}: expected the folders {expected}, found {contents(candidates[-1])}")


def _listed(listing: Path, images: Path, first_pid: int) -> Iterator[tuple[str, ImageSample]]:
    """Image samples of one list, each with its file and line; identity 0 becomes ``first_pid``."""
    try:
        lines = listing.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        without = ", or give --data val=false" if listing.name == LISTS["val"] else ""
        raise BenchError(
            f"{listing}: no such file; the set comes with {', '.join(LISTS.values())}, which many copies lack: put "
            f"them beside the folder {images.name}{without}"
        ) from None
    except UnicodeDecodeError as error:
        raise BenchError(f"{listing}: not a text in UTF-8 ({error.reason}); expected lines such as {EXAMPLE}") from None
    if not any(line.strip() for line in lines):
        raise BenchError(f"{listing}: expected lines such as {EXAMPLE}, found none")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        location = f"{listing}, line {number}"
        match = LINE.fullmatch(line.strip())
        if match is None:
            raise BenchError(
                f"{location}: expected an image whose name's third number is the camera, and an identity, such as "
                f"{EXAMPLE}; found {line.strip()!r}"
            )
        yield location, ImageSample(images / match[1], pid=first_pid + int(match[3]), camid=int(match[2]))


def _official(options: Mapping[str, str]) -> dict[str, int]:
    return {
        "training images": 32_621 if choice(options, "val", VALIDATION) == "true" else 30_248,
        "training identities": 1_041,
        "query images": 11_659,
        "query identities": 3_060,
        "gallery images": 82_161,
        "gallery identities": 3_060,
        "cameras": 15,
    }


def _read(request: DatasetRequest, reporter: Reporter) -> ReidDataset:
    dataset = read_msmt17(request.folder, request.options)
    reporter.note(f"{dataset.summary()} (version {dataset.details['version']})")
    return dataset


def _options_of(name: str) -> dict[str, str]:
    # The version is told of version 1 as well: a folder may hold both.
    return {"version": "V2" if "-v2" in name else "V1", "val": "false" if name.endswith("-without-val") else "true"}


MSMT17 = DatasetReader(
    name="msmt17",
    summary="MSMT17, version=V1 or V2 as found; val=false leaves the val list out of training (it is in by default)",
    read=_read,
    option_names=("version", "val"),
    official=_official,
    options_of=_options_of,
)
