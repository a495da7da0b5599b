"""PRCC: every person in two sets of clothes, one of them in two cameras.

Source: Yang et al., "Person Re-identification by Contour Sketch under Moderate Clothing Change", TPAMI 2021. Cameras A
and B see the same clothes, camera C others. Images of the test lie in ``rgb/test/A/001``, folders of camera and
identity; those of ``rgb/train`` and ``rgb/val`` in ``001``, with the camera first in the name, as in
``A_cropped_rgb001.jpg``. The folder ``val`` shows further images of the training identities.

The gallery is camera A. Queries are those of camera C, in changed clothes, or those of camera B, in the same; no image
is junk, for query and gallery have no camera in common. The authors' protocol is *single-shot*: one image of each
person is drawn as the gallery, ten times, and scores are averaged. They publish no draws; here a fixed generator draws.
With the whole gallery all images of camera A are ranked (multi-shot), as Gu et al. (CVPR 2022) do. Held-out identities
ask from the same camera and are sought in all their images of camera A (:func:`bench.data.split.hold_out`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.data.dataset import DatasetReader, DatasetRequest, ImageSample, ReidDataset, choice
from bench.data.folders import contents, find_dataset
from bench.data.market1501 import LEFT_BY_FILE_MANAGERS, SWITCH
from bench.data.protocol import check_protocol
from bench.errors import BenchError
from bench.progress import Reporter

USUAL_NAMES = ("prcc", "rgb")
SAME_CLOTHES, SINGLE_SHOT, WITH_VAL = "same-clothes", "single-shot", "with-val"
"""What the name of the set says of it, beside what is the default."""
CAMERAS = {"A": 1, "B": 2, "C": 3}
CLOTHES = ("changed", "same")
GALLERIES = ("all", "single-shot")
DRAWS = 10
DRAWN_BY = 0
"""Seed of the draws, which are the same for every run."""
QUERY_CAMERA = {"changed": "C", "same": "B"}
GALLERY_CAMERA = "A"
TRAINING_NAME = re.compile(r"([ABC])_.+\.(?:jpg|jpeg|png)", re.IGNORECASE)
TEST_NAME = re.compile(r".+\.(?:jpg|jpeg|png)", re.IGNORECASE)


def read_prcc(folder: Path, options: Mapping[str, str]) -> ReidDataset:
    """Read the set, with queries in the ``clothes`` and the ``gallery`` that are asked for, ``val`` trained on or not.

    Raises :class:`BenchError` for a wrong option, a folder that is missing or empty, and names of another form.
    """
    clothes = choice(options, "clothes", CLOTHES)
    single_shot = choice(options, "gallery", GALLERIES) == "single-shot"
    with_validation = choice(options, "val", SWITCH) == "true"
    root = find_dataset(folder, USUAL_NAMES, ("train", "test"))
    train = [sample for part in ("train", *["val"] * with_validation) for sample in _training(root / part)]
    test = root / "test"
    query, gallery = (_people(test / camera, CAMERAS[camera]) for camera in (QUERY_CAMERA[clothes], GALLERY_CAMERA))
    check_protocol(train, query, gallery, str(root))
    if single_shot:
        gallery = _drawn(sorted(gallery))
    # Other queries, another gallery, or other training images are another set: scores must not stand under one name.
    parts = ((clothes == "same", SAME_CLOTHES), (single_shot, SINGLE_SHOT), (with_validation, WITH_VAL))
    name = PRCC.name + "".join(f"-{part}" for holds, part in parts if holds)
    return ReidDataset(
        name=name,
        root=root,
        train=tuple(sorted(train)),
        query=tuple(sorted(query)),
        gallery=tuple(sorted(gallery)),
        details={"clothes": clothes, "gallery": GALLERIES[single_shot]},
    )


def _drawn(gallery: Sequence[ImageSample]) -> list[ImageSample]:
    """Draw an image of each person, several times, and give the images that were drawn, each with its draws."""
    of_person: dict[int, list[ImageSample]] = {}
    for sample in gallery:
        of_person.setdefault(sample.pid, []).append(sample)
    generator = np.random.default_rng(DRAWN_BY)
    draws: dict[ImageSample, list[int]] = {}
    for number in range(DRAWS):
        for _, images in sorted(of_person.items()):
            draws.setdefault(images[generator.integers(len(images))], []).append(number)
    return [replace(sample, draws=tuple(numbers)) for sample, numbers in draws.items()]


def _options_of(name: str) -> dict[str, str]:
    told = {SAME_CLOTHES: ("clothes", "same"), SINGLE_SHOT: ("gallery", "single-shot"), WITH_VAL: ("val", "true")}
    return dict(told[part] for part in told if f"-{part}" in name)


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
        # Of drawn images none is known: which they are, and so how many, is up to the draw.
        **({} if choice(options, "gallery", GALLERIES) == "single-shot" else {"gallery images": 3_384}),
        "gallery identities": 71,
        "cameras": 3,
    }


def _read(request: DatasetRequest, reporter: Reporter) -> ReidDataset:
    dataset = read_prcc(request.folder, request.options)
    reporter.note(f"{dataset.summary()}; {dataset.details['clothes']} clothes, gallery {dataset.details['gallery']}")
    return dataset


PRCC = DatasetReader(
    name="prcc",
    summary=(
        "PRCC, every person in two sets of clothes; clothes=changed or same, gallery=all or single-shot (one image a "
        "person, drawn ten times), val=true trains on its val images too"
    ),
    read=_read,
    option_names=("clothes", "gallery", "val"),
    official=_official,
    options_of=_options_of,
)
