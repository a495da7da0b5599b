"""Embeddings of every exit as a value, with their labels and the cost of each exit."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bench.budget.policy import TrainingStatistics
from bench.errors import BenchError
from bench.exits import ExitSpec
from bench.retrieval.drawn import Draws
from bench.retrieval.table import FloatArray, IntArray
from bench.spec import OF_A_FILE, digest

Metric = Literal["hamming", "euclidean", "cosine"]
"""How two codes of one exit are compared; cosine is the Euclidean distance of codes scaled to unit length."""
METRICS: tuple[Metric, ...] = get_args(Metric)
COST_NAMES = {"multiply-adds": "macs", "milliseconds": "milliseconds", "joules": "joules"}
"""Units in which a cost needs no name of its own, with the name that it then has."""
NAME = re.compile(r"\w[\w.+-]{0,79}")
"""Names of networks and data, which name folders."""


@dataclass(frozen=True)
class EmbeddedImages:
    """N images at each of S exits: codes ready to be compared, identities and cameras.

    A code is packed bits, uint8 (N, ceil(dim/8)), where its exit is binary, and floats (N, dim) where it is
    continuous.
    """

    codes: tuple[NDArray[Any], ...]
    pids: IntArray
    """(N,)"""
    camids: IntArray
    """(N,), or with clothes (N, 2)"""
    draws: Draws
    """(N, D) which of D drawn galleries an image is in; D is 0 where there is one gallery."""
    features: NDArray[np.float16] | None = None
    """(N, F) what the first exit's head starts from, for policies that read it."""
    entropy: FloatArray | None = None
    """(N, S) entropy (nats) of the classifier over the training identities, for policies that read it."""

    @property
    def labels(self) -> tuple[IntArray, IntArray]:
        """Identities and cameras."""
        return self.pids, self.camids


@dataclass(frozen=True)
class Embeddings:
    """What a file of embeddings holds, checked.

    ``about`` is the file's own description: names, cost, and whatever else is to go on record
    (docs/bring-your-own.md). ``content`` is the hash of all that the file holds, in whatever format.
    """

    exits: tuple[ExitSpec, ...]
    query: EmbeddedImages
    gallery: EmbeddedImages
    costs: FloatArray
    """(S,) what a query pays in all that leaves at each exit, in the unit of ``cost``."""
    cost: Mapping[str, Any]
    """Name and unit of the cost, with what else is known of it: the header of the records has it so."""
    about: Mapping[str, Any]
    content: str
    calibration: tuple[EmbeddedImages, EmbeddedImages] | None = None
    """Queries and gallery of identities that are neither in training nor in the test set."""
    training: TrainingStatistics | None = None

    @property
    def policy_mac(self) -> float | None:
        """What one multiply-add of a policy costs in the unit of the costs; None where nothing says so.

        Records of a run, which its file repeats, leave it out where it is 1.
        """
        stated = self.cost.get("policy_mac")
        if stated is None:
            return 1.0 if self.cost["unit"] == "multiply-adds" or "run" in self.about else None
        return float(stated)

    @cached_property
    def fingerprint(self) -> str:
        """Identify the data: what the file states, or else the hash of all labels of queries and gallery."""
        stated = self.about.get("fingerprint")
        return str(stated) if stated else self._hash_of_labels()

    def _hash_of_labels(self) -> str:
        drawn = [self.gallery.draws] if self.gallery.draws.shape[1] else []
        return hash_arrays(enumerate((*self.query.labels, *self.gallery.labels, *drawn)))


@dataclass(frozen=True)
class EmbeddingsSpec:
    """What identifies an evaluation of embeddings in a results folder: names, seed, data and content of the file."""

    dataset: str
    fingerprint: str
    method: str
    seed: int
    content: str
    preset: str = field(default=OF_A_FILE, init=False)

    def __post_init__(self) -> None:
        """Refuse names that cannot name a folder. Raises :class:`BenchError`."""
        for what, name in (("name", self.method), ("dataset", self.dataset)):
            if not NAME.fullmatch(name):
                raise BenchError(
                    f"{what} {name!r}: expected up to 80 letters, digits and . _ + - alone, a letter or digit first; "
                    f"give one with --{what}"
                )

    def to_json(self) -> dict[str, Any]:
        """Give it as plain values."""
        names = ("dataset", "fingerprint", "method", "preset", "seed", "content")
        return {name: getattr(self, name) for name in names}

    @property
    def key(self) -> str:
        """Identify it: sha256 of all of it."""
        return digest(self.to_json())

    @property
    def folder_name(self) -> str:
        """Name its folder as that of a run."""
        return f"{self.method}-{self.preset}-seed{self.seed}-{self.key[:8]}"


def hash_arrays(arrays: Iterable[tuple[object, NDArray[Any]]], text: str = "") -> str:
    """Hash named arrays in the order of their names, and a text: names, types, shapes and values (sha256)."""
    sha = hashlib.sha256(text.encode())
    for name, values in sorted(arrays, key=lambda named: str(named[0])):
        # Whichever order of bytes it was written in.
        plain = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
        sha.update(f"\n{name} {plain.dtype.str} {plain.shape}\n".encode())
        sha.update(plain.reshape(-1).view(np.uint8).data if plain.size else b"")
    return sha.hexdigest()
