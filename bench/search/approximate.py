"""Binary indexes of faiss beside exact search: their recall, and what re-identification loses by them.

Flat compares all codes; HNSW walks a graph of neighbours; IVF compares only the codes of the nearest clusters. HNSW and
IVF miss images. Each identity has many images, so rank-1 stays high where recall falls: both are reported.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bench.data.tracklets import entries
from bench.errors import BenchError
from bench.progress import SILENT, Reporter
from bench.retrieval.drawn import require_plain
from bench.retrieval.hamming import OLDEST_FAISS, is_new_enough
from bench.retrieval.labels import JUNK_PID, SearchLabels, labels_of, same_view, search_labels, views
from bench.retrieval.metrics import check_choice
from bench.retrieval.neighbours import GalleryIndex
from bench.running.request import RunRequest
from bench.running.run import Opened

IndexKind = Literal["flat", "hnsw", "ivf"]
Lists = tuple[NDArray[np.int64], NDArray[Any]]
"""Images (Q, k), and numbers (Q, k) that rank them."""
LINKS = 16
"""Links of an HNSW node."""
SEARCHED = 64
"""Nodes that HNSW keeps while it searches, and clusters that IVF looks at."""


@dataclass(frozen=True)
class BesideExact:
    """Recall of a search among the k nearest images of Q queries, with rank-1 and mAP beside exact search.

    mAP is over the k listed images: a match that is not listed adds nothing, also in the exact list.
    """

    index: str
    recall: float
    """Share of the k exact nearest found; an image as near as the k-th counts as found."""
    rank_1: float
    mean_ap: float
    exact_rank_1: float
    exact_mean_ap: float
    build_seconds: float


@dataclass(frozen=True)
class IndexScores(BesideExact):
    """A binary index of a gallery as it is."""

    search_seconds: float
    """Seconds for all queries."""


def score_index(
    kind: IndexKind, query: NDArray[Any], gallery: NDArray[Any], labels: SearchLabels, k: int = 100
) -> IndexScores:
    """Search packed codes (Q, W) among (G, W) by an index, and compare with the exact k nearest.

    Junk is dropped from lists as the protocol has it. Raises :class:`BenchError` where faiss is not installed, the
    index is unknown, or codes are not packed.
    """
    check_choice("index", kind, get_args(IndexKind))
    faiss = load_faiss(kind)
    exact = GalleryIndex(gallery, labels.gallery.pids, labels.gallery.camids)
    k = min(k, len(gallery))
    started = time.perf_counter()
    index = build_index(faiss, kind, gallery)
    built = time.perf_counter()
    distances, images = index.search(np.ascontiguousarray(query), k)
    seconds = time.perf_counter() - built
    nearest = exact.search(query, k=k)
    near = (images >= 0) & (distances <= nearest.distances[:, -1:])
    scores = beside_exact((images, distances), near, (nearest.indices, nearest.distances), labels)
    return IndexScores(kind, **scores, build_seconds=built - started, search_seconds=seconds)


def beside_exact(
    found: Lists, near: NDArray[np.bool_], exact: Lists, labels: SearchLabels, shuffled: NDArray[np.int64] | None = None
) -> dict[str, float]:
    """Hold lists to exact ones: recall, and rank-1 and mAP of both, as :class:`BesideExact` names them.

    ``near`` (Q, k) says which of the found images are as near as the exact k-th. Else as :func:`score_lists`.
    """
    rank_1, mean_ap = score_lists(*found, labels, shuffled)
    exact_rank_1, exact_mean_ap = score_lists(*exact, labels, shuffled)
    return {
        "recall": float(near.mean()),
        "rank_1": rank_1,
        "mean_ap": mean_ap,
        "exact_rank_1": exact_rank_1,
        "exact_mean_ap": exact_mean_ap,
    }


def score_indexed(request: RunRequest, kind: IndexKind, reporter: Reporter = SILENT) -> tuple[IndexScores | None, ...]:
    """Score an index at each exit of a finished run; None where the exit has floats.

    Raises :class:`BenchError` where no exit is binary, or as :func:`score_index` does.
    """
    from bench.running.stages import obtain_embeddings, obtain_network

    load_faiss(kind)
    opened = Opened.of(request, reporter)
    require_plain(opened.dataset.query, opened.dataset.gallery, f"index {kind}", clothes=True)
    with opened.folder.alone():
        context = opened.workbench(reporter)
        embeddings = obtain_embeddings(context, obtain_network(context), request.evaluation.views)
    (query_pids, query_camids), (gallery_pids, gallery_camids) = (
        labels_of(entries(part)) for part in (opened.dataset.query, opened.dataset.gallery)
    )
    labels = search_labels(query_pids, gallery_pids, query_camids, gallery_camids)
    pairs = list(zip(embeddings["query"], embeddings["gallery"], strict=True))
    if all(query.dtype != np.uint8 for query, _ in pairs):
        raise BenchError(f"{request.method} has no binary exit: an index of packed codes is for methods that hash")
    return tuple(
        score_index(kind, query, gallery, labels) if query.dtype == np.uint8 else None for query, gallery in pairs
    )


def load_faiss(kind: str) -> ModuleType:
    """Load faiss for an index. Raises :class:`BenchError` where it is not installed, or too old."""
    install = "install it with: pip install 'reid-budget-bench[search]'"
    try:
        faiss = import_module("faiss")
    except ImportError:
        raise BenchError(f"index {kind} needs faiss, which is not installed; {install}") from None
    if not is_new_enough(faiss):
        oldest = ".".join(map(str, OLDEST_FAISS))
        raise BenchError(f"index {kind} needs faiss {oldest} or newer, found {faiss.__version__}; {install}")
    return faiss


def build_index(faiss: ModuleType, kind: IndexKind, gallery: NDArray[np.uint8]) -> Any:
    """Build a binary index of faiss over packed codes (G, W)."""
    bits = 8 * gallery.shape[1]
    if kind == "flat":
        index = faiss.IndexBinaryFlat(bits)
    elif kind == "hnsw":
        index = faiss.IndexBinaryHNSW(bits, LINKS)
        index.hnsw.efSearch = SEARCHED
    else:
        # faiss asks for 39 codes a cluster to train on; 4 √G clusters is its own advice.
        clusters = max(1, min(int(4 * len(gallery) ** 0.5), len(gallery) // 39))
        index = faiss.IndexBinaryIVF(faiss.IndexBinaryFlat(bits), bits, clusters)
        index.nprobe = min(SEARCHED, clusters)
        index.train(gallery)
    index.add(gallery)
    return index


def score_lists(
    images: NDArray[np.int64],
    distances: NDArray[Any],
    labels: SearchLabels,
    shuffled: NDArray[np.int64] | None = None,
) -> tuple[float, float]:
    """Rank-1 and mAP of lists (Q, k) with distances (Q, k), over the queries that have a match; −1 is no image.

    Of equal distances the earlier image comes first. ``shuffled`` (G,) says which image of the labels each image is;
    those beyond the labels are distractors, which match nobody.
    """
    gallery = labels.gallery
    far = np.where(images >= 0, distances, np.inf)
    ordered = np.take_along_axis(images, np.lexsort((images, far), axis=1), axis=1)
    first, precision = [], []
    for row in np.flatnonzero(labels.valid):
        pid, view = labels.query_pids[row], views(labels.query_camids)[row]
        listed = ordered[row][ordered[row] >= 0]
        listed = listed if shuffled is None else shuffled[listed]
        labelled = np.minimum(listed, len(gallery.pids) - 1)
        # A distractor is nobody, whatever number the image has that stands in for it here.
        distractor = listed >= len(gallery.pids)
        own = (gallery.pids[labelled] == pid) & ~distractor
        junk = (gallery.pids[labelled] == JUNK_PID) & ~distractor
        kept = ~junk & ~(own & same_view(gallery.views[labelled], view))
        right = own[kept]
        matches = int((~same_view(gallery.views[gallery.kept][gallery.showing(pid)], view)).sum())
        ranks = np.flatnonzero(right) + 1
        first.append(bool(right[:1].any()))
        precision.append(float((np.arange(1, len(ranks) + 1) / ranks).sum() / matches))
    return float(np.mean(first)), float(np.mean(precision))
