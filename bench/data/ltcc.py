"""LTCC: people seen over two months, in several sets of clothes.

Source: Qian et al., "Long-Term Cloth-Changing Person Re-identification", ACCV 2020. ``094_1_c9_015833.png`` is identity
94 in clothes 1, camera 9; identities count from 0, so that identity n has pid n + 1. Folders are ``train``, ``query``
and ``test``.

The set has two settings. In the *standard* one images of the query's identity and camera are junk, as in Market-1501.
In the *cloth-changing* one images of the query's identity in the query's clothes are junk as well, in any camera, as
the evaluators of Gu et al. (CVPR 2022) and of Wang et al. (TIFS 2024), of the set's authors, have it. People who never
change stay in the gallery there, and their queries have no match. Held-out identities are ranked by the same rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.data.dataset import DatasetReader, DatasetRequest, ImageSample, ReidDataset, choice
from bench.data.market1501 import MarketLayout, read_market1501_folder
from bench.data.protocol import check_clothes
from bench.progress import Reporter

SETTINGS = ("standard", "cloth-changing")
CLOTHES = re.compile(r"[0-9]+_([0-9]+)_")

LAYOUT = MarketLayout(
    usual_names=("LTCC_ReID", "LTCC-ReID", "LTCC"),
    file_name=re.compile(r"([0-9]+)_[0-9]+_c([0-9]+)_[0-9]+\.(?:png|jpg|jpeg)", re.IGNORECASE),
    example="094_1_c9_015833.png",
    folders=("train", "query", "test"),
    counted_from=0,
)


def _official(options: Mapping[str, str]) -> dict[str, int]:
    return {
        "training images": 9_576,
        "training identities": 77,
        "query images": 493,
        "query identities": 75,
        "gallery images": 7_050,
        "gallery identities": 75,
        "cameras": 12,
    }


def _read(request: DatasetRequest, reporter: Reporter) -> ReidDataset:
    setting = choice(request.options, "setting", SETTINGS)
    dataset = read_market1501_folder(request.folder, LTCC.name, layout=LAYOUT)
    if setting == "cloth-changing":
        train, query, gallery = (_dressed(part) for part in (dataset.train, dataset.query, dataset.gallery))
        check_clothes(query, gallery, str(dataset.root))
        # Other matches are another score: both settings must not stand under one name.
        dataset = replace(dataset, name=f"{LTCC.name}-{setting}", train=train, query=query, gallery=gallery)
    reporter.note(f"{dataset.summary()}; {setting} setting")
    return dataset


def _dressed(samples: Sequence[ImageSample]) -> tuple[ImageSample, ...]:
    """Number the clothes within each identity, as names have it: the layout has matched them all."""
    found = [CLOTHES.match(sample.path.name) for sample in samples]
    return tuple(replace(one, clothes=int(name[1])) for one, name in zip(samples, found, strict=True) if name)


def _options_of(name: str) -> dict[str, str]:
    setting = name.removeprefix(f"{LTCC.name}-")
    return {"setting": setting} if setting in SETTINGS else {}


LTCC = DatasetReader(
    name="ltcc",
    summary=(
        "LTCC, people in several sets of clothes; setting=standard, or cloth-changing: matches in the query's clothes "
        "do not count"
    ),
    read=_read,
    option_names=("setting",),
    official=_official,
    options_of=_options_of,
)
