"""The contract of a backend: what runs the steps of a multi-exit network, one exit at a time.

A backend lives in one file and one entry point of the group ``bench.backends``. The registering module should import
neither torch nor its own engine at its top level: ``bench list`` loads it to print its summary.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.retrieval.codes import pack

if TYPE_CHECKING:
    from torch import Tensor

    from bench.networks import ExitSpec, MultiExitNetwork

State = Any
"""What one step hands to the next. Only the backend that made it knows its form."""
Embedding = NDArray[np.uint8] | NDArray[np.float32]
"""Of a binary exit packed codes, uint8 (B, ceil(dim / 8)) as :func:`bench.retrieval.codes.pack` makes; else float32
(B, dim)."""
Rows = NDArray[np.integer] | NDArray[np.bool_]
"""Rows of a batch: indices (K,), or a mask (B,)."""
Precision = Literal["float32", "bfloat16", "float16", "int8"]
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16", "float16", "int8")


class Backend(Protocol):
    """Runs a network from images to the embedding of each exit, and no step further than it is asked.

    ``precision`` is one of :data:`PRECISIONS`; ``threads`` are the processor's threads that a step may use; ``device``
    is ``cpu``, ``cuda`` or ``mps``. All three are facts about this backend, to be kept with every time that it takes.
    """

    name: str
    precision: str
    threads: int
    device: str
    exits: tuple[ExitSpec, ...]
    has_features: bool = False
    """Whether :meth:`first_features` gives any."""

    def start(self, images: NDArray[np.float32] | Tensor) -> State:
        """Take in normalised images, float32 (B, 3, H, W), as the state that the first step reads."""

    def step(self, state: State, exit_index: int) -> tuple[State, Embedding]:
        """Go on to exit ``exit_index``: the state for the next step, and the embedding (B, …) here.

        The embedding is on the host when this returns: the device is done with it. Steps come in order; a state may
        be stepped from once.
        """

    def select(self, state: State, rows: Rows) -> State:
        """Keep some rows of a state, in the order in which they are given: the images that go on.

        The state that is given is used up: its memory may be that of the new one.
        """

    def join(self, states: Sequence[State]) -> State:
        """Put the images of several states, all after the same step, into one, in their order."""

    def first_features(self, state: State, embedding: Embedding) -> NDArray[np.float16] | None:
        """Give the features (B, F) that the first exit's head starts from, for a policy that reads them.

        ``state`` and ``embedding`` (B, …) are what :meth:`step` returned there. In half precision, as
        :func:`bench.retrieval.embed.embed_first_exit` keeps them. None where the backend has none.
        """
        return None


class Open(Protocol):
    """What opens a backend."""

    def __call__(
        self, model: MultiExitNetwork | Path, *, precision: str | None, threads: int | None, device: str
    ) -> Backend:
        """Open the backend on a network, or on the folder of an export."""


@dataclass(frozen=True)
class BackendKind:
    """A backend before it is opened: the value that is registered.

    ``reads`` says what ``open`` takes: a ``network`` of this suite, or the folder of an ``export``
    (``bench model export``). ``packages`` are imported before it is opened; ``extra`` is the extra of this package that
    installs them.
    """

    name: str
    summary: str
    reads: Literal["network", "export"]
    open: Open
    packages: tuple[str, ...] = ()
    extra: str = ""

    @property
    def installed(self) -> bool:
        """Whether what the backend needs can be imported here."""
        return all(importlib.util.find_spec(package) is not None for package in self.packages)


def needed(package: str, extra: str, what: str) -> ModuleType:
    """Import an optional package, or say how it is installed.

    Raises :class:`BenchError` where it cannot be imported.
    """
    try:
        return importlib.import_module(package)
    except ImportError as problem:
        raise BenchError(
            f"{what} needs the package {package}, which cannot be imported ({problem}); "
            f"install it with: pip install 'reid-budget-bench[{extra}]'"
        ) from problem


def moves(chosen: Rows, batch: int) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    """Tell how K chosen rows of a ``batch`` are kept within its memory: the rows (K,), and the places that change.

    The places are None where that cannot be: where a row that moves comes from a place that is kept, it may be
    written over before it is read.
    """
    rows = np.arange(batch)[chosen]
    places = np.flatnonzero(rows != np.arange(len(rows)))
    return rows, None if (rows[places] < len(rows)).any() else places


def to_embedding(values: NDArray[Any], spec: ExitSpec) -> Embedding:
    """Turn what a step computed at an exit (B, dim) into its form for matching: packed bits where binary, else float32.

    Raises :class:`BenchError` where a continuous embedding is not finite.
    """
    if spec.code == "binary":
        return pack(values > 0)
    embedding = np.ascontiguousarray(values, dtype=np.float32)
    if not np.isfinite(embedding).all():
        raise BenchError(
            f"embeddings at {spec.name} are not finite: the network's training went wrong, or the precision is too "
            "low for it; compare with --precision float32"
        )
    return embedding
