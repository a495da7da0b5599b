"""Occluded-Duke, in Market-1501's layout: images of DukeMTMC-reID, split anew so that all queries are occluded.

Source: Miao et al., "Pose-Guided Feature Alignment for Occluded Person Re-identification", ICCV 2019. Names, cameras
and distractors are those of DukeMTMC-reID (:mod:`bench.data.dukemtmc`), which its authors withdrew in 2019; the
protocol is that of Market-1501.
"""

from __future__ import annotations

from collections.abc import Mapping

from bench.data.dataset import DatasetReader, DatasetRequest, ReidDataset
from bench.data.dukemtmc import DUKE_LAYOUT
from bench.data.market1501 import MarketLayout, read_market1501_folder
from bench.progress import Reporter

LAYOUT = MarketLayout(
    usual_names=("Occluded_Duke", "Occluded-Duke", "Occluded-DukeMTMC", "Occluded-DukeMTMC-reID", "occluded_reid_duke"),
    file_name=DUKE_LAYOUT.file_name,
    example=DUKE_LAYOUT.example,
)


def _official(options: Mapping[str, str]) -> dict[str, int]:
    return {
        "training images": 15_618,
        "training identities": 702,
        "query images": 2_210,
        "query identities": 519,
        "gallery images": 17_661,
        "gallery identities": 1_110,
        "cameras": 8,
    }


def _read(request: DatasetRequest, reporter: Reporter) -> ReidDataset:
    dataset = read_market1501_folder(request.folder, OCCLUDED_DUKE.name, layout=LAYOUT)
    reporter.note(f"{dataset.summary()}; the authors of its images withdrew them in 2019")
    return dataset


OCCLUDED_DUKE = DatasetReader(
    name="occluded-duke",
    summary="Occluded-Duke: occluded queries from DukeMTMC-reID, which was withdrawn in 2019; for comparisons alone",
    read=_read,
    official=_official,
)
