"""CUHK03 by its new protocol (767 identities to train on, 700 to test), in Market-1501's layout.

Source: Li et al., "DeepReID", CVPR 2014; split of Zhong et al., "Re-ranking Person Re-identification with k-reciprocal
Encoding", CVPR 2017. Every image exists twice: cut along a detected box, and along a box drawn by hand ("labelled").
Each kind has a folder of its own, with the three split folders.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.data.dataset import DatasetReader, DatasetRequest, ReidDataset, choice
from bench.data.folders import candidate_folders, contents
from bench.data.market1501 import ANY_NAME, SPLIT_FOLDERS, MarketLayout, read_market1501_folder
from bench.errors import BenchError
from bench.progress import Reporter

USUAL_NAMES = ("CUHK03-NP", "CUHK03_NP", "cuhk03np", "cuhk03")
IMAGES = ("detected", "labelled")
"""The first is the default: a deployed system has detected boxes."""
FOLDERS = {"detected": ("detected",), "labelled": ("labeled", "labelled")}
"""Names of the folder of each kind of boxes."""
LAYOUT = MarketLayout(usual_names=(), file_name=ANY_NAME, example="0001_c1_1.png")


def _find(folder: Path, images: str) -> Path:
    """Folder of the requested boxes: ``folder`` by its own name, or below it or below one of the usual names.

    A folder of splits with another name is not taken: nothing says which boxes it holds.
    """
    names = FOLDERS[images]
    candidates = candidate_folders(folder, USUAL_NAMES, names[:1])
    own = [folder] if folder.resolve().name.lower() in names else []
    found = [*own, *(candidate / name for candidate in candidates for name in names if (candidate / name).is_dir())]
    if not found:
        raise BenchError(
            f"{folder}: expected the folder {names[0]} with {', '.join(SPLIT_FOLDERS)}, found "
            f"{contents(candidates[-1])}; CUHK03-NP keeps its images in the folders detected and labeled"
        )
    return found[0]


def _official(options: Mapping[str, str]) -> dict[str, int]:
    training, gallery = {"detected": (7_365, 5_332), "labelled": (7_368, 5_328)}[choice(options, "images", IMAGES)]
    return {
        "training images": training,
        "training identities": 767,
        "query images": 1_400,
        "query identities": 700,
        "gallery images": gallery,
        "gallery identities": 700,
        "cameras": 2,
    }


def _read(request: DatasetRequest, reporter: Reporter) -> ReidDataset:
    images = choice(request.options, "images", IMAGES)
    dataset = read_market1501_folder(_find(request.folder, images), f"{CUHK03.name}-{images}", layout=LAYOUT)
    reporter.note(dataset.summary())
    return dataset


def _options_of(name: str) -> dict[str, str]:
    images = name.removeprefix(f"{CUHK03.name}-")
    return {"images": images} if images in IMAGES else {}


CUHK03 = DatasetReader(
    name="cuhk03",
    summary="CUHK03, new protocol (CUHK03-NP) in Market-1501 layout; images=detected (the default) or labelled",
    read=_read,
    option_names=("images",),
    official=_official,
    options_of=_options_of,
)
