"""The state of a training between two epochs or two batches: written atomically, read without running code."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.digests import stamp_archive, verify
from bench.errors import BenchError
from bench.files import replacing


@dataclass(frozen=True)
class Checkpoint:
    """Everything that resuming needs: epochs done, parameters, the optimiser's state, losses, and the retrieval history
    (T, N) so far.

    ``validation`` has the scored epochs with their scores; ``best`` the parameters of the best of them, where the
    recipe keeps those. ``so_far`` is what was done of the epoch after these, as
    :class:`bench.training.pausing.EpochSoFar` keeps it; empty between two epochs.
    """

    key: str
    epoch: int
    network: dict[str, Tensor]
    optimiser: dict[str, Any]
    history: list[dict[str, float]]
    retrieval_history: Tensor
    validation: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    so_far: dict[str, Any] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        """Write the checkpoint in place of the last one. Raises BenchError where that fails: the last one stays."""
        try:
            with replacing(path) as beside:
                torch.save({field: getattr(self, field) for field in self.__dataclass_fields__}, beside)
                stamp_archive(beside)
        except (OSError, RuntimeError, ValueError) as problem:  # torch's writer raises its own on a full disk
            reason = getattr(problem, "strerror", None) or str(problem).splitlines()[0]
            raise BenchError(
                f"cannot write the checkpoint {path} after epoch {self.epoch} ({reason}); free some space, and the "
                "same command goes on from the last checkpoint"
            ) from problem

    @classmethod
    def load(cls, path: Path, key: str) -> Checkpoint:
        """Read the checkpoint of the run ``key``. Raises BenchError where it is damaged or that of another run."""
        try:
            verify(path)
            values = torch.load(path, map_location="cpu", weights_only=True)
            checkpoint = cls(**values)
        except Exception as problem:
            raise BenchError(f"cannot read the checkpoint {path} ({problem}); start again with --fresh") from problem
        if checkpoint.key != key:
            raise BenchError(f"the checkpoint {path} belongs to another run; start again with --fresh")
        return checkpoint
