"""Distractors: codes of people who do not exist, drawn so that their bits behave as those of a measured gallery.

A code is read as the signs of a Gaussian vector, one part of which belongs to the person and one to the image. Three
things of the measured codes are kept: how often each bit is set, how pairs of bits go together among strangers, and how
they go together between two images of one person in different cameras. So distances between strangers and between
images of one person are spread as they were measured, which :attr:`CodeModel.agreement` states. What is not kept is
whatever a Gaussian does not have, such as groups of people in like clothes.

Correlations of signs become those of the Gaussian by sin(π/2 · r), which is exact for bits that are set half of the
time (Sheppard 1899), and near for others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from bench.errors import BenchError
from bench.retrieval.codes import pack, unpack
from bench.retrieval.hamming import hamming
from bench.retrieval.table import FloatArray, IntArray

FACTORS = 256
"""Directions at most in which people, and images of one person, differ together; the rest is independent by bit."""
RAREST = 1e-3
"""Share of images below which a bit counts as set, so that no bit is infinitely unlikely."""
COMPARED = 2000
"""Images whose distances are compared between measured and drawn codes."""
LEAST_PEOPLE = 10
TAIL = 0.01
"""Quantile of the distances between strangers: those that are confused."""


@dataclass(frozen=True)
class CodeModel:
    """Codes of L bits as signs of ``level + person + image`` (L,), Gaussian parts, each of factors and a remainder."""

    level: FloatArray
    """(L,) means of the Gaussian: a bit is set with probability Φ(level)."""
    person: FloatArray
    """(L, F) factors that all images of a person share."""
    person_rest: FloatArray
    """(L,) standard deviations of what else they share, independent by bit."""
    image: FloatArray
    """(L, F) factors of one image."""
    image_rest: FloatArray
    """(L,)"""
    images_each: int
    """Images of one person: the measured mean."""
    agreement: Mapping[str, float]
    """Mean distances in bits, measured and drawn, of two images of one person and of strangers; of these the first
    percentile too."""

    @property
    def bits(self) -> int:
        """Length L of a code."""
        return len(self.level)

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Draw packed codes (count, ceil(L/8)); ``images_each`` of one person stand one after another."""
        people = -(-count // self.images_each)
        shared = _draw(self.person, self.person_rest, people, rng) + self.level.astype(np.float32)
        values = _draw(self.image, self.image_rest, count, rng)
        values += np.repeat(shared, self.images_each, axis=0)[:count]
        return pack(values > 0)


def fit_codes(codes: NDArray[np.uint8], bits: int, pids: IntArray, camids: IntArray) -> CodeModel:
    """Fit a model to packed codes (G, ceil(L/8)) of L ``bits``, with identities (G,) and cameras (G,).

    Identities below 1, junk and distractors, are left out. Pairs of one person are images of different cameras, each
    person weighing the same.

    Raises :class:`BenchError` where fewer than ten people were seen by two cameras or more.
    """
    kept = pids > 0
    codes, pids, camids = codes[kept], pids[kept], camids[kept]
    signs = unpack(codes, bits).astype(np.float64)
    people, of_person = np.unique(pids, return_inverse=True)
    views, of_view = np.unique(np.stack([of_person, camids]), axis=1, return_inverse=True)
    by_person, by_view = _sums(signs, of_person.ravel()), _sums(signs, of_view.ravel())
    images, images_of_view = np.bincount(of_person.ravel()), np.bincount(of_view.ravel())
    pairs = images**2 - np.bincount(views[0], images_of_view**2, minlength=len(people))
    seen_twice = pairs > 0
    if seen_twice.sum() < LEAST_PEOPLE:
        raise BenchError(
            f"codes of distractors are drawn like those of the gallery, which takes {LEAST_PEOPLE} people or more that "
            f"two cameras saw; found {int(seen_twice.sum())}"
        )
    mean = signs.mean(axis=0)
    # Sums over centred signs: what a person's images, and those of one camera among them, add up to.
    by_person = by_person - images[:, None] * mean
    by_view = by_view - images_of_view[:, None] * mean
    weight = np.divide(1, pairs, out=np.zeros(len(pairs)), where=seen_twice) / seen_twice.sum()
    together = by_person.T @ (weight[:, None] * by_person) - by_view.T @ (weight[views[0]][:, None] * by_view)
    centred = signs - mean
    whole = centred.T @ centred / len(signs)
    spread = np.sqrt(np.maximum(whole.diagonal(), 4 * RAREST * (1 - RAREST)))
    person, person_rest = _factors(_latent(together, spread), np.ones(bits))
    shared = person @ person.T + np.diag(person_rest**2)
    image, image_rest = _factors(_latent(whole, spread) - shared, 1 - shared.diagonal())
    level = ndtri(np.clip((1 + mean) / 2, RAREST, 1 - RAREST))
    images_each = max(1, round(len(signs) / len(people)))
    model = CodeModel(level, person, person_rest, image, image_rest, images_each, {})
    return CodeModel(**{**vars(model), "agreement": _agreement(model, codes, pids, camids)})


def _sums(values: FloatArray, groups: IntArray) -> FloatArray:
    """Add up rows (N, L) by group."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    return np.add.reduceat(values[order], starts, axis=0)


def _latent(covariance: FloatArray, spread: FloatArray) -> FloatArray:
    """Correlations (L, L) of the Gaussian from covariances of its signs."""
    ratio = covariance / np.outer(spread, spread)
    return np.sin(np.pi / 2 * np.clip((ratio + ratio.T) / 2, -1, 1))


def _factors(correlation: FloatArray, most: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Split correlations (L, L) into factors (L, F) and the deviation (L,) of the rest, together at most ``most``."""
    values, vectors = np.linalg.eigh(correlation)
    chosen = np.argsort(values)[::-1][:FACTORS]
    factors = vectors[:, chosen] * np.sqrt(np.maximum(values[chosen], 0))
    # One less what identity explains may come out a hair below nothing.
    wanted = np.clip(correlation.diagonal(), 0, np.maximum(most, 0))
    # What is not positive of the measured correlations is noise, and leaves the factors a little too long.
    length = (factors**2).sum(axis=1)
    factors *= np.sqrt(np.minimum(1, np.divide(wanted, length, out=np.ones_like(length), where=length > 0)))[:, None]
    return factors, np.sqrt(np.maximum(wanted - (factors**2).sum(axis=1), 0))


def _draw(factors: FloatArray, rest: FloatArray, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw Gaussian vectors (count, L) with these factors (L, F) and rest (L,)."""
    drawn = rng.standard_normal((count, factors.shape[1]), dtype=np.float32) @ factors.T.astype(np.float32)
    if rest.any():
        drawn += rng.standard_normal((count, len(rest)), dtype=np.float32) * rest.astype(np.float32)
    return drawn


def _agreement(model: CodeModel, codes: NDArray[np.uint8], pids: IntArray, camids: IntArray) -> dict[str, float]:
    """Set distances of measured codes beside those of as many drawn ones."""
    rng = np.random.default_rng(0)
    if len(codes) > COMPARED:
        # Whole people, so that there are pairs of one person.
        people = rng.permutation(np.unique(pids))[: max(2, COMPARED // model.images_each)]
        chosen = np.isin(pids, people)
        codes, pids, camids = codes[chosen], pids[chosen], camids[chosen]
    drawn = model.draw(len(codes), rng)
    one_person = np.arange(len(drawn)) // model.images_each
    found = {}
    for name, rows, people, cameras in (
        ("measured", codes, pids, camids),
        ("drawn", drawn, one_person, np.arange(len(drawn))),
    ):
        distances = hamming(rows, rows)
        same = people[:, None] == people[None, :]
        others = distances[~same]
        found[f"{name}_same"] = float(distances[same & (cameras[:, None] != cameras[None, :])].mean())
        found[f"{name}_strangers"] = float(others.mean())
        found[f"{name}_strangers_nearest"] = float(np.quantile(others, TAIL))
    return found
