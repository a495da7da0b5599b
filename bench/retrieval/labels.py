"""Identities and cameras of queries and gallery: what is a match, what is junk, and what is wrong with the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.data.dataset import ImageSample
from bench.errors import BenchError
from bench.retrieval.ties import IntArray

JUNK_PID = -1
"""Identity of detections that show no person in full: never ranked."""


def labels_of(samples: Sequence[ImageSample]) -> tuple[IntArray, IntArray]:
    """Give identities (N,) and cameras (N,) of N image samples, in their order.

    Where the samples say which clothes their people wear, cameras come with the clothes beside them, (N, 2).
    """
    pids, camids = (np.array([getattr(one, name) for one in samples], dtype=np.int64) for name in ("pid", "camid"))
    clothes = [sample.clothes for sample in samples]
    if not clothes or None in clothes:
        return pids, camids
    return pids, np.stack([camids, np.array(clothes, dtype=np.int64)], axis=1)


def cameras(camids: IntArray) -> IntArray:
    """Cameras (N,) out of cameras (N,), or of cameras and clothes (N, 2)."""
    return camids if camids.ndim == 1 else camids[:, 0]


def views(camids: IntArray) -> IntArray:
    """Give cameras (N,), or cameras and clothes (N, 2), on two axes (N, V): what :func:`same_view` compares."""
    return camids[:, None] if camids.ndim == 1 else camids


def same_view(one: IntArray, other: IntArray) -> NDArray[np.bool_]:
    """Whether two images of one person are junk to each other: seen by one camera, or (where known) in one's clothes.

    Takes :func:`views` (…, V), whose other axes are broadcast.
    """
    return (one == other).any(axis=-1)


class GalleryLabels:
    """Identities and cameras of a gallery (G,), indexed by identity, with the junk of identity −1 set aside.

    Cameras may have clothes beside them, (G, 2), as :func:`labels_of` gives them; queries have them then, too. Raises
    :class:`BenchError` where no image is left.
    """

    def __init__(self, pids: ArrayLike, camids: ArrayLike) -> None:
        self.pids, self.camids = label_pair(pids, camids, "gallery")
        self.views = views(self.camids)
        if len(self.pids) == 0:
            raise BenchError("the gallery is empty: there is nothing to rank")
        self.kept = np.flatnonzero(self.pids != JUNK_PID)
        if len(self.kept) == 0:
            raise BenchError(f"every gallery image has identity {JUNK_PID}, which is junk: there is nothing to rank")
        kept_pids = self.pids[self.kept]
        order = np.argsort(kept_pids, kind="stable")
        identities, starts = np.unique(kept_pids[order], return_index=True)
        self._of_identity = dict(zip(identities.tolist(), np.split(order, starts[1:]), strict=True))
        self._no_images = np.empty(0, dtype=order.dtype)

    def showing(self, pid: int) -> IntArray:
        """Indices (n,) among the kept images of those that show an identity, ascending."""
        return self._of_identity.get(pid, self._no_images)

    def has_match(self, query_pids: IntArray, query_camids: IntArray) -> NDArray[np.bool_]:
        """Whether each query (Q,) has an image of its identity in another camera, and in other clothes where known."""
        kept = self.views[self.kept]
        pairs = zip(query_pids.tolist(), views(query_camids), strict=True)
        return np.array([not same_view(kept[self.showing(pid)], view).all() for pid, view in pairs], dtype=bool)


@dataclass(frozen=True)
class SearchLabels:
    """Identities and cameras of Q queries and the gallery they are sought in; at least one query has a match."""

    query_pids: IntArray
    """(Q,)"""
    query_camids: IntArray
    """(Q,), or with clothes (Q, 2)"""
    gallery: GalleryLabels
    valid: NDArray[np.bool_]
    """(Q,) whether the query has a match."""


def search_labels(
    query_pids: ArrayLike, gallery_pids: ArrayLike, query_camids: ArrayLike, gallery_camids: ArrayLike
) -> SearchLabels:
    """Check identities and cameras of queries (Q,) and gallery (G,): there is a query, and one has a match.

    Raises :class:`BenchError` where there is none.
    """
    gallery = GalleryLabels(gallery_pids, gallery_camids)
    pids, camids = label_pair(query_pids, query_camids, "query")
    if len(pids) == 0:
        raise BenchError("there is no query to score")
    valid = gallery.has_match(pids, camids)
    require_match(valid, pids, camids, gallery)
    return SearchLabels(pids, camids, gallery, valid)


def require_match(
    valid: NDArray[np.bool_], query_pids: IntArray, query_camids: IntArray, gallery: GalleryLabels
) -> None:
    """Raise BenchError unless at least one query (Q,) has a match, and say what is probably amiss."""
    if valid.any():
        return
    if not np.isin(query_pids, gallery.pids[gallery.kept]).any():
        cause = (
            "query and gallery share no identity. Were they read from the same dataset, with the same numbering of "
            "identities?"
        )
    elif len(np.union1d(cameras(query_camids), cameras(gallery.camids))) == 1:
        cause = (
            f"query and gallery all have camera {int(cameras(query_camids)[0])}, and images of a query's own identity "
            "and camera are junk. Give images their real cameras; where there are none, give the query one id and the "
            "gallery another."
        )
    else:
        cause = (
            "every gallery image of a query's identity was taken by the query's own camera"
            f"{'' if query_camids.ndim == 1 else ' or wears its clothes'}, which makes it junk. "
            "Check that the camera ids are those of the images, in the order of the distances."
        )
    raise BenchError(f"no query has a match in the gallery: {cause}")


def label_pair(pids: ArrayLike, camids: ArrayLike, role: str) -> tuple[IntArray, IntArray]:
    """Check identities (N,) and cameras (N,) of one set of images: whole numbers, one of each an image.

    Cameras may have the clothes beside them, (N, 2). Raises :class:`BenchError` where they are neither.
    """
    checked = []
    for name, labels in (("identities", pids), ("cameras", camids)):
        values = np.asarray(labels)
        fits = values.ndim == 1 or (name == "cameras" and values.ndim == 2 and values.shape[1] == 2)
        if not fits or (len(values) and values.dtype.kind not in "iu"):
            raise BenchError(
                f"{role} {name} must be whole numbers (N,), one an image; found {values.dtype} {values.shape}"
            )
        checked.append(values.astype(np.int64))
    if len(checked[0]) != len(checked[1]):
        raise BenchError(f"{role} has {len(checked[0])} identities but {len(checked[1])} cameras: one of each an image")
    return checked[0], checked[1]
