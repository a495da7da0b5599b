"""LTCC: people seen over two months, in several sets of clothes.

Source: Qian et al., "Long-Term Cloth-Changing Person Re-identification", ACCV 2020. ``094_1_c9_015833.png`` is identity
94 in clothes 1, camera 9; identities count from 0, so that identity n has pid n + 1. Folders are ``train``, ``query``
and ``test``.

The set has two settings. Read here is the *standard* one: images of the query's identity and camera are junk, as in
Market-1501. In the *cloth-changing* setting images of the query's identity in the query's clothes are junk as well, in
any camera (so Gu et al., CVPR 2022, read the set's paper, which can also be understood otherwise). Junk is a matter of
identity and camera in this suite, so that setting is not offered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bench.data.dataset import DatasetReader, DatasetRequest, ReidDataset
from bench.data.market1501 import MarketLayout, read_market1501_folder
from bench.progress import Reporter

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
    dataset = read_market1501_folder(request.folder, LTCC.name, layout=LAYOUT)
    reporter.note(f"{dataset.summary()}; standard setting")
    return dataset


LTCC = DatasetReader(
    name="ltcc",
    summary="LTCC, people in several sets of clothes, by its standard setting (the cloth-changing one is not offered)",
    read=_read,
    official=_official,
)
