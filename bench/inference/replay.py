"""A backend that computes nothing: it serves embeddings that were kept.

Decisions can then be run for real on the very codes that an exit table was made of, in no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.inference.backends.backend import Backend, Embedding, Rows

if TYPE_CHECKING:
    from bench.exits import ExitSpec


class ReplayBackend(Backend):
    """Serves one array an exit, (N, …) as a table takes them; in place of images it takes their rows (B,).

    ``features`` (N, F) are what the first exit's head starts from, where a policy reads them. Raises
    :class:`BenchError` where arrays and exits do not fit.
    """

    name = "replay"
    precision = "as kept"
    threads = 1
    device = "none"

    def __init__(
        self,
        exits: Sequence[ExitSpec],
        embeddings: Sequence[Embedding],
        features: NDArray[np.float16] | None = None,
    ) -> None:
        if len(exits) != len(embeddings):
            raise BenchError(f"expected embeddings of {len(exits)} exits, found {len(embeddings)}")
        self.exits = tuple(exits)
        self.embeddings = list(embeddings)
        self.features = features
        self.has_features = features is not None

    def start(self, images: Any) -> NDArray[np.int64]:
        """Take rows (B,) of the kept embeddings."""
        return np.asarray(images, dtype=np.int64)

    def step(self, state: NDArray[np.int64], exit_index: int) -> tuple[NDArray[np.int64], Embedding]:
        """Look the embeddings (B, …) up."""
        return state, self.embeddings[exit_index][state]

    def select(self, state: NDArray[np.int64], rows: Rows) -> NDArray[np.int64]:
        """Keep some rows."""
        return state[rows]

    def join(self, states: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        """Put rows one after another."""
        return np.concatenate(states)

    def first_features(self, state: NDArray[np.int64], embedding: Embedding) -> NDArray[np.float16] | None:
        """Look the first exit's features (B, F) up."""
        return None if self.features is None else self.features[state]
