"""PRCC: every person in two sets of clothes, one of them in two cameras.

Source: Yang et al., "Person Re-identification by Contour Sketch under Moderate Clothing Change", TPAMI 2021. Cameras A
and B see the same clothes, camera C others. Images of the test lie in ``rgb/test/A/001``, folders of camera and
identity; those of ``rgb/train`` and ``rgb/val`` in ``001``, with the camera first in the name, as in
``A_cropped_rgb001.jpg``. The folder ``val`` shows further images of the training identities.

The gallery is camera A. Queries are those of camera C, in changed clothes, or those of camera B, in the same; no image
is junk, for query and gallery have no camera in common. Here all images of camera A are ranked (multi-shot), as Gu et
al. (CVPR 2022) do beside the authors' protocol, which draws one image a person, ranks those, and repeats it ten times.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from bench.data.dataset import DatasetReader, DatasetRequest, ImageSample, ReidDataset, choice
from bench.data.folders import contents, find_dataset
from bench.data.market1501 import LEFT_BY_FILE_MANAGERS, SWITCH
from bench.data.protocol import check_protocol
from bench.errors import BenchError
from bench.progress import Reporter

USUAL_NAMES = ("prcc", "rgb")
CAMERAS = {"A": 1, "B": 2, "C": 3}
CLOTHES = ("changed", "same")
QUERY_CAMERA = {"changed": "C", "same": "B"}
GALLERY_CAMERA = "A"
TRAINING_NAME = re.compile(r"([ABC])_.+\.(?:jpg|jpeg|png)", re.IGNORECASE)
TEST_NAME = re.compile(r".+\.(?:jpg|jpeg|png)", re.IGNORECASE)


def read_prcc(folder: Path, options: Mapping[str, str]) -> ReidDataset:
    """Read the set, with queries in the ``clothes`` that are asked for, and trained on ``val`` as well or not.

    Raises :class:`BenchError` for a wrong option, a folder that is missing or empty, and names of another form.
    """
    clothes = choice(options, "clothes", CLOTHES)
    with_validation = choice(options, "val", SWITCH) == "true"
    root = find_dataset(folder, USUAL_NAMES, ("train", "test"))
    train = [sample for part in ("train", *["val"] * with_validation) for sample in _training(root / part)]
    test = root / "test"
    query, gallery = (_people(test / camera, CAMERAS[camera]) for camera in (QUERY_CAMERA[clothes], GALLERY_CAMERA))
    check_protocol(train, query, gallery, str(root))
    # Other queries, or other training images, are another set: scores of both must not stand under one name.
    name = PRCC.name + ("" if clothes == "changed" else "-same-clothes") + ("-with-val" if with_validation else "")
    return ReidDataset(
        name=name,
        root=root,
        train=tuple(sorted(train)),
        query=tuple(sorted(query)),
        gallery=tuple(sorted(gallery)),
        details={"clothes": clothes},
    )


def _training(folder: Path) -> list[ImageSample]:
    samples = []
    for path, pid in _images(folder):
        match = TRAINING_NAME.fullmatch(path.name)
        if match is None:
            raise BenchError(f"{path}: expected a name that begins with the camera, such as A_cropped_rgb001.jpg")
        samples.append(ImageSample(path, pid, CAMERAS[match[1].upper()]))
    return samples


def _people(folder: Path, camid: int) -> list[ImageSample]:
    samples = [ImageSample(path, pid, camid) for path, pid in _images(folder)]
    for sample in samples:
        if not TEST_NAME.fullmatch(sample.path.name):
            raise BenchError(f"{sample.path}: expected an image, such as cropped_rgb001.jpg; move it out of the folder")
    return samples


def _images(folder: Path) -> list[tuple[Path, int]]:
    """Files of a folder of folders that are named by identity, each with that identity."""
    if not folder.is_dir():
        raise BenchError(f"{folder}: expected a folder of identities such as 001, found none; complete the copy")
    found = []
    for person in sorted(folder.iterdir()):
        if person.name.startswith(".") or person.name.lower() in LEFT_BY_FILE_MANAGERS:
            continue
        if not (person.is_dir() and person.name.isdecimal() and int(person.name) > 0):
            raise BenchError(f"{person}: expected folders that are named by identity, such as 001")
        found += [
            (path, int(person.name))
            for path in sorted(person.iterdir())
            if not path.name.startswith(".") and path.name.lower() not in LEFT_BY_FILE_MANAGERS
        ]
    if not found:
        raise BenchError(f"{folder}: expected folders of images such as 001, found {contents(folder)}")
    return found


def _official(options: Mapping[str, str]) -> dict[str, int]:
    return {
        "training images": 22_898 if choice(options, "val", SWITCH) == "true" else 17_896,
        "training identities": 150,
        "query images": {"changed": 3_873, "same": 3_543}[choice(options, "clothes", CLOTHES)],
        "query identities": 71,
        "gallery images": 3_384,
        "gallery identities": 71,
        "cameras": 3,
    }


def _read(request: DatasetRequest, reporter: Reporter) -> ReidDataset:
    dataset = read_prcc(request.folder, request.options)
    reporter.note(f"{dataset.summary()}; {dataset.details['clothes']} clothes")
    return dataset


PRCC = DatasetReader(
    name="prcc",
    summary="PRCC, every person in two sets of clothes; clothes=changed or same, val=true trains on its val images too",
    read=_read,
    option_names=("clothes", "val"),
    official=_official,
)
