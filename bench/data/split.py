"""Identities held out of training. Thresholds and policies are fitted on them, never on the test set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.data.dataset import DISTRACTOR, ImageSample
from bench.data.protocol import has_match
from bench.errors import BenchError

Samples = tuple[ImageSample, ...]
Sides = tuple[frozenset[int], frozenset[int]]
"""Cameras of queries, and cameras of the gallery."""
SMALLEST_HOLD_OUT = 2
"""Fewest identities of a calibration set: with one, the nearest gallery image is always right."""
SPLIT_STREAM = 1
"""Separates these random numbers from others of the same seed."""


def sides_of(query: Iterable[ImageSample], gallery: Iterable[ImageSample]) -> Sides | None:
    """Cameras of a test's queries and of its gallery where they have none in common, as in PRCC; otherwise None."""
    asking, sought = (frozenset(sample.camid for sample in part) for part in (query, gallery))
    return (asking, sought) if asking and sought and not asking & sought else None


def hold_out(
    samples: Sequence[ImageSample], share: float, seed: int, sides: Sides | None = None
) -> tuple[Samples, Samples, Samples]:
    """Hold out a share of the identities by a seed: (training, calibration query, calibration gallery) samples.

    Only identities seen by at least two cameras can be held out. ``share`` is of all identities, rounded, and at least
    two; 0 holds out none. A larger share holds out the same identities and more. The result does not depend on the
    order of ``samples``; each part keeps that order.

    Of each camera of a held-out identity, one image chosen at random is a query and the others are gallery images, as
    in Market-1501. Where fewer than two of its cameras have more than one image, one camera with a single image, chosen
    at random, has no query. Every query then has a match from another camera, and no other choice of at most one query
    for each camera has more queries with a match.

    Where the test has cameras that ask and others that answer (``sides``, by :func:`sides_of`), so have held-out
    identities that both saw: all their images of the former are queries, those of the latter are the gallery, and
    images of further cameras are in neither. Which identities are held out does not depend on it.

    Raises :class:`BenchError` for a share outside [0, 1), where too few identities can be held out or remain, or where
    clothes count and no query has a match in others.
    """
    if not 0 <= share < 1:
        raise BenchError(f"the share of identities held out for calibration must lie in [0, 1), found {share}")
    by_identity: dict[int, dict[int, list[ImageSample]]] = {}
    for sample in sorted(samples):
        by_identity.setdefault(sample.pid, {}).setdefault(sample.camid, []).append(sample)
    pids = sorted(pid for pid in by_identity if pid > DISTRACTOR)
    if share == 0:
        return tuple(samples), (), ()

    eligible = [pid for pid in pids if len(by_identity[pid]) > 1]
    wanted = max(SMALLEST_HOLD_OUT, round(share * len(pids)))
    count = min(wanted, len(eligible))
    if count < SMALLEST_HOLD_OUT or count == len(pids):
        raise BenchError(
            f"cannot hold out {wanted} identities for calibration and train on others: of {len(pids)} identities, "
            f"{len(eligible)} are seen by two cameras or more; give more identities, or a calibration share of 0"
        )
    generator = np.random.default_rng((SPLIT_STREAM, seed))
    held_out = {eligible[index] for index in generator.permutation(len(eligible))[:count]}
    parts = [_query_and_gallery(by_identity[pid], generator, sides) for pid in sorted(held_out)]
    query, gallery = (frozenset(sample for part in parts for sample in part[side]) for side in (0, 1))
    if not any(has_match(query, gallery)):
        raise BenchError(
            f"none of the {count} identities held out for calibration wears other clothes in another camera, so that "
            "no threshold can be set on them: give another seed, a larger calibration share or one of 0, or take the "
            "set's standard setting"
        )
    return (
        tuple(sample for sample in samples if sample.pid not in held_out),
        tuple(sample for sample in samples if sample in query),
        tuple(sample for sample in samples if sample in gallery),
    )


def _query_and_gallery(
    by_camera: dict[int, list[ImageSample]], generator: np.random.Generator, sides: Sides | None
) -> tuple[list[ImageSample], list[ImageSample]]:
    """Query and gallery images of one identity."""
    query = _queries(by_camera, generator)
    if sides:
        asking, sought = ([one for camid in side for one in by_camera.get(camid, ())] for side in sides)
        if asking and sought:
            return asking, sought
    return query, [sample for images in by_camera.values() for sample in images if sample not in query]


def _queries(by_camera: dict[int, list[ImageSample]], generator: np.random.Generator) -> list[ImageSample]:
    """Query images of one identity: one for each camera, less one camera where the gallery would lack a match."""
    cameras = sorted(by_camera)
    single = [camid for camid in cameras if len(by_camera[camid]) == 1]
    if len(cameras) - len(single) < 2:
        cameras.remove(single[generator.integers(len(single))])
    return [by_camera[camid][generator.integers(len(by_camera[camid]))] for camid in cameras]


def relabel(samples: Sequence[ImageSample]) -> NDArray[np.int64]:
    """Class of each sample, (N,): identities numbered 0…C−1 in ascending order of pid."""
    pids = np.array([sample.pid for sample in samples], dtype=np.int64)
    return np.unique(pids, return_inverse=True)[1].reshape(-1).astype(np.int64)
