"""What the Market-1501 protocol requires of every set (Zheng et al., ICCV 2015)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.data.dataset import ImageSample, check_identities
from bench.errors import BenchError


def has_match(query: Iterable[ImageSample], gallery: Iterable[ImageSample]) -> list[bool]:
    """Whether each query has an image of its identity from another camera and, where known, in other clothes."""
    views: dict[int, set[tuple[int, int | None]]] = {}
    for sample in gallery:
        views.setdefault(sample.pid, set()).add((sample.camid, sample.clothes))
    return [
        any(
            camid != sample.camid and (sample.clothes is None or clothes != sample.clothes)
            for camid, clothes in views.get(sample.pid, ())
        )
        for sample in query
    ]


def check_clothes(query: Iterable[ImageSample], gallery: Iterable[ImageSample], source: str) -> None:
    """Raise :class:`BenchError` where no query has a match in another camera and in other clothes."""
    if not any(has_match(query, gallery)):
        raise BenchError(
            f"{source}: no query has a gallery image of its identity from another camera and in other clothes, so none "
            "can be scored; take the standard setting, or check the names"
        )


def check_protocol(
    train: Iterable[ImageSample], query: Sequence[ImageSample], gallery: Iterable[ImageSample], source: str
) -> None:
    """Raise :class:`BenchError` where an identity is in training and test, or no query can be scored.

    A match is an image of the query's identity from *another* camera. The evaluator skips single queries without a
    match. If all queries lack one, the camera labels are nearly always wrong.
    """
    gallery = list(gallery)
    check_identities(train, (*query, *gallery), source)
    if not any(has_match(query, gallery)):
        raise BenchError(
            f"{source}: none of the {len(query)} queries has a gallery image of its identity from another camera, so "
            "none can be scored; if the set has one camera, give query and gallery different camera numbers"
        )
