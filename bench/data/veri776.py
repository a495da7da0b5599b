"""VeRi-776: vehicles in place of people, seen by twenty cameras.

Source: Liu et al., "A Deep Learning-Based Approach to Progressive Vehicle Re-identification for Urban Surveillance",
ECCV 2016. ``0002_c002_00030600_0.jpg`` is vehicle 2, camera 2. Folders are ``image_train``, ``image_query`` and
``image_test``. Images are ranked for images, and those of the query's vehicle and camera are junk, as in fast-reid and
TransReID; the authors' own first results rank tracks for images, and are not comparable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bench.data.dataset import DatasetReader, DatasetRequest, ReidDataset
from bench.data.market1501 import MarketLayout, read_market1501_folder
from bench.progress import Reporter

LAYOUT = MarketLayout(
    usual_names=("VeRi", "VeRi-776", "VeRi776", "VeRi_776"),
    file_name=re.compile(r"([0-9]+)_c([0-9]+)_[0-9]+_[0-9]+\.(?:jpg|jpeg|png)", re.IGNORECASE),
    example="0002_c002_00030600_0.jpg",
    folders=("image_train", "image_query", "image_test"),
)


def _official(options: Mapping[str, str]) -> dict[str, int]:
    return {
        "training images": 37_778,
        "training identities": 576,
        "query images": 1_678,
        "query identities": 200,
        "gallery images": 11_579,
        "gallery identities": 200,
        "cameras": 20,
    }


def _read(request: DatasetRequest, reporter: Reporter) -> ReidDataset:
    dataset = read_market1501_folder(request.folder, VERI776.name, layout=LAYOUT)
    reporter.note(dataset.summary())
    return dataset


VERI776 = DatasetReader(
    name="veri-776",
    summary="VeRi-776: vehicles, image to image",
    read=_read,
    official=_official,
)
