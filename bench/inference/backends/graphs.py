"""What the backends of exported graphs share: files checked, images checked, states as arrays in memory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.inference.backends.backend import Backend, Embedding, Rows, moves, to_embedding
from bench.inference.export.card import CARD, ModelCard, read_card, verify_files
from bench.retrieval.codes import half_precision

if TYPE_CHECKING:
    from torch import Tensor

    from bench.networks import MultiExitNetwork

Arrays = list[NDArray[Any]]


@dataclass(frozen=True, eq=False)
class GraphState:
    """Inputs of the next graph, and the first graph's features, float32 (B, F), until rows are chosen."""

    arrays: Arrays
    features: NDArray[np.float32] | None = None


class GraphBackend(Backend):
    """Runs one graph a step; states are arrays in the processor's memory.

    A subclass gives :meth:`_run`. Raises :class:`BenchError` where the export is damaged, lacks a file, or is of
    another format.
    """

    def __init__(self, folder: Path, card: ModelCard) -> None:
        self.folder = folder
        self.card = card
        self.exits = card.exit_specs
        self.precision = card.precision
        self.size = card.preprocessing.size
        self.has_features = bool(card.exits[0].features)

    @abstractmethod
    def _run(self, exit_index: int, arrays: Arrays, names: Sequence[str]) -> Sequence[NDArray[Any]]:
        """Run the graph of a step on its inputs: the outputs of these names, in their order."""

    def start(self, images: NDArray[np.float32] | Tensor) -> GraphState:
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
        return GraphState([np.ascontiguousarray(batch)])

    def step(self, state: GraphState, exit_index: int) -> tuple[GraphState, Embedding]:
        """Run the graph that ends at an exit."""
        exit_ = self.card.exits[exit_index]
        features = (exit_.features,) if exit_.features else ()
        embedding, *rest = self._run(exit_index, state.arrays, (*exit_.outputs, *features))
        if exit_index == 0:  # what a graph hands on as it came is the caller's, and rows of a state are moved
            rest = [array.copy() if np.may_share_memory(array, state.arrays[0]) else array for array in rest]
        handed = GraphState(rest[:-1], rest[-1]) if features else GraphState(rest)
        return handed, to_embedding(embedding, self.exits[exit_index])

    def select(self, state: GraphState, rows: Rows) -> GraphState:
        """Choose the rows of every array that the next graph takes. Those that stay where they lie are not copied."""
        return GraphState([_chosen(array, rows) for array in state.arrays])

    def join(self, states: Sequence[GraphState]) -> GraphState:
        """Copy every array of the states into one."""
        columns = zip(*(state.arrays for state in states), strict=True)
        return GraphState([np.concatenate(arrays) for arrays in columns])

    def first_features(self, state: GraphState, embedding: Embedding) -> NDArray[np.float16] | None:
        """Give the first graph's features; None for graphs without that output."""
        return None if state.features is None else half_precision(state.features)


def _chosen(array: NDArray[Any], chosen: Rows) -> NDArray[Any]:
    """K rows of an array, within its own memory where that can be."""
    rows, places = moves(chosen, len(array))
    if places is None or not array.flags.writeable:
        return array[rows]
    for place in places:
        array[place] = array[rows[place]]
    return array[: len(rows)]


def checked_export(model: MultiExitNetwork | Path, backend: str) -> tuple[Path, ModelCard]:
    """Check that a model is the folder of exported graphs, whole and undamaged: the folder and its card.

    Raises :class:`BenchError` where it is not.
    """
    if not isinstance(model, Path):
        raise BenchError(f"{backend} runs exported graphs, not a network; write them with bench model export")
    card = read_card(model)
    if card.form != "onnx":
        raise BenchError(f"{backend} runs graphs, and {model / CARD} lists {card.form}: export with --format onnx")
    verify_files(model, card)
    return model, card


def unreadable(path: Path, backend: str, problem: Exception, *, line: int = 0) -> BenchError:
    """Word the error for a graph that its engine refuses; ``line`` of the engine's own message says why."""
    reason = str(problem).strip().splitlines()[line][:300]
    return BenchError(f"{backend} cannot load {path}: {reason}; export the run again: bench model export")
