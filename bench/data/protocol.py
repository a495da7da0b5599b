"""What every set must hold for the Market-1501 protocol to score it (Zheng et al., ICCV 2015)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.data.dataset import ImageSample
from bench.errors import BenchError


def check_protocol(
    train: Iterable[ImageSample], query: Sequence[ImageSample], gallery: Iterable[ImageSample], source: str
) -> None:
    """Raise unless test identities are new and the Market-1501 protocol can score at least one query.

    A match is an image of the query's identity from *another* camera. Single queries without one are left to the
    evaluator, which skips them; if all lack one, camera labels are nearly always at fault.
    """
    gallery = list(gallery)
    shared = sorted({sample.pid for sample in train} & {sample.pid for sample in (*query, *gallery)})
    if shared:
        raise BenchError(
            f"{source}: training and test identities must be different people, but {len(shared)} are in both, "
            f"identity {shared[0]} among them; move all images of a person to one side"
        )
    cameras: dict[int, set[int]] = {}
    for sample in gallery:
        cameras.setdefault(sample.pid, set()).add(sample.camid)
    if not any(cameras.get(sample.pid, set()) - {sample.camid} for sample in query):
        raise BenchError(
            f"{source}: none of the {len(query)} queries has a gallery image of its identity from another camera, so "
            "none can be scored; if the set has one camera, give query and gallery different camera numbers"
        )
