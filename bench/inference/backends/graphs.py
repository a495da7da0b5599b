"""What the backends of exported graphs share: files checked, images checked, states as arrays in memory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.inference.backends.backend import Backend, Embedding, Rows, to_embedding
from bench.inference.export.card import CARD, ModelCard, read_card, verify_files

if TYPE_CHECKING:
    from torch import Tensor

    from bench.networks import MultiExitNetwork

Arrays = list[NDArray[Any]]


class GraphBackend(Backend):
    """Runs one graph a step; a state is the list of arrays that the next graph takes, in the processor's memory.

    A subclass gives :meth:`_run`. Raises :class:`BenchError` where the export is damaged, lacks a file, or is of
    another format.
    """

    def __init__(self, folder: Path, card: ModelCard) -> None:
        self.folder = folder
        self.card = card
        self.exits = card.exit_specs
        self.precision = card.precision
        self.size = card.preprocessing.size

    @abstractmethod
    def _run(self, exit_index: int, arrays: Arrays) -> Sequence[NDArray[Any]]:
        """Run the graph of a step on its inputs: all its outputs, the embedding (B, dim) first."""

    def start(self, images: NDArray[np.float32] | Tensor) -> Arrays:
        """Check images (B, 3, H, W); the first graph takes them as they are.

        Raises :class:`BenchError` where their size or type is not that of the export.
        """
        batch = images if isinstance(images, np.ndarray) else images.cpu().numpy()
        if batch.ndim != 4 or len(batch) == 0 or batch.shape[1:] != (3, *self.size) or batch.dtype != np.float32:
            height, width = self.size
            raise BenchError(
                f"this export takes normalised float32 images (B, 3, {height}, {width}), one or more, and got "
                f"{batch.dtype} {batch.shape}; resize them, or export a run of that input size"
            )
        return [np.ascontiguousarray(batch)]

    def step(self, state: Arrays, exit_index: int) -> tuple[Arrays, Embedding]:
        """Run the graph that ends at an exit."""
        embedding, *handed = self._run(exit_index, state)
        return handed, to_embedding(embedding, self.exits[exit_index])

    def select(self, state: Arrays, rows: Rows) -> Arrays:
        """Copy the rows of every array."""
        return [array[rows] for array in state]


def checked_export(model: MultiExitNetwork | Path, backend: str) -> tuple[Path, ModelCard]:
    """Check that a model is the folder of exported graphs, whole and undamaged: the folder and its card."""
    if not isinstance(model, Path):
        raise BenchError(f"{backend} runs exported graphs, not a network; write them with bench model export")
    card = read_card(model)
    if card.form != "onnx":
        raise BenchError(f"{backend} runs graphs, and {model / CARD} lists {card.form}: export with --format onnx")
    verify_files(model, card)
    return model, card


def unreadable(path: Path, backend: str, problem: Exception) -> BenchError:
    """Word the error for a graph that its engine refuses."""
    reason = str(problem).strip().splitlines()[0][:300]
    return BenchError(f"{backend} cannot load {path}: {reason}; export the run again: bench model export")
