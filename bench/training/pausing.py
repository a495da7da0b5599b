"""Keeping a training in the middle of an epoch: where epochs are long, and where its time is up.

What is random in an epoch is drawn from generators that are seeded by (seed, epoch). Between two batches their states,
and the sums of the losses so far, are all that has to be kept beside parameters and optimiser.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from bench.counts import count_of
from bench.deadline import NEVER, Deadline, TimeIsUp

KEPT_EVERY_SECONDS = 600.0
"""A longer stretch of batches is not lost, however the process ends."""
FIRST_SAVE_SECONDS = 1.0
"""How long writing a checkpoint is taken to be before one was written."""
CHEAP_SAVE_SECONDS = 0.1
SAVING_SHARE = 0.05
"""A checkpoint is written after an epoch if writing is cheap, or takes no more than this share of the time since."""
MARGIN = 1.5
"""Batches and checkpoints may take this much longer than any did before."""


@dataclass(frozen=True)
class EpochSoFar:
    """An epoch after some of its batches: sums of the losses, seconds spent, and the states of its generators."""

    batches: int
    sums: dict[str, Tensor]
    rate: float
    seconds: float
    states: dict[str, Tensor]

    @classmethod
    def take(
        cls, batches: int, sums: dict[str, Tensor], rate: float, seconds: float, generator: torch.Generator
    ) -> EpochSoFar:
        """Take everything down; ``generator`` is the one that draws the views of the images."""
        states = {"views": generator.get_state(), "cpu": torch.get_rng_state()}
        if generator.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(generator.device)
        if generator.device.type == "mps":
            states["mps"] = torch.mps.get_rng_state()
        return cls(batches, {name: value.cpu() for name, value in sums.items()}, rate, seconds, states)

    def restore(self, generator: torch.Generator) -> dict[str, Tensor]:
        """Put the generators where they were; gives the sums, on the device of the generator."""
        generator.set_state(self.states["views"])
        torch.set_rng_state(self.states["cpu"])
        if "cuda" in self.states and generator.device.type == "cuda":
            torch.cuda.set_rng_state(self.states["cuda"], generator.device)
        if "mps" in self.states and generator.device.type == "mps":
            torch.mps.set_rng_state(self.states["mps"])
        return {name: value.to(generator.device) for name, value in self.sums.items()}

    def to_plain(self) -> dict[str, Any]:
        """Give what a checkpoint keeps."""
        return dict(vars(self))


@dataclass
class Pauses:
    """When the state between two batches is kept, and when training stops there.

    ``afterwards_batches`` is the work after an epoch's last batch, before the epoch is whole, in times of a batch.
    """

    save: Callable[[int, EpochSoFar | None], None]
    """Writes a checkpoint: whole epochs, and what is done of the next one."""
    deadline: Deadline = NEVER
    agree: Callable[[bool], bool] | None = None
    """Has all processes of a run do as the first does."""
    afterwards_batches: float = 0.0
    _saved_at: float = field(default_factory=time.monotonic)
    _longest_batch: float = 0.0
    _longest_save: float = FIRST_SAVE_SECONDS
    _last_save: float = 0.0
    kept_epochs: int = 0
    """Whole epochs in the checkpoint."""

    def keep(self, epoch: int, so_far: EpochSoFar | None = None) -> None:
        """Write a checkpoint after ``epoch`` whole epochs, and remember when, and how long it took."""
        started = time.monotonic()
        self.save(epoch, so_far)
        self._saved_at = time.monotonic()
        self._last_save = self._saved_at - started
        self._longest_save = max(self._last_save, self._longest_save)
        self.kept_epochs = epoch

    def after_epoch(self, epoch: int, *, last: bool) -> None:
        """Write a checkpoint after ``epoch`` whole epochs, unless they are over so quickly that writing would count."""
        dear = self._last_save > max(CHEAP_SAVE_SECONDS, SAVING_SHARE * (time.monotonic() - self._saved_at))
        if last or not dear:
            self.keep(epoch)

    def after_batch(self, epoch: int, batch_seconds: float, *, last: bool, take: Callable[[], EpochSoFar]) -> None:
        """Keep what is done where that is due; raises TimeIsUp, having kept it, where the next batch may not fit."""
        self._longest_batch = max(batch_seconds, self._longest_batch)
        following = self._longest_batch * (self.afterwards_batches if last else 1)
        stop = self.deadline.left < MARGIN * (following + self._longest_save)
        if self.agree is not None and not math.isinf(self.deadline.seconds):
            stop = self.agree(stop)
        if stop:
            so_far = take()
            self.keep(epoch, so_far)
            raise TimeIsUp(
                f"in training; kept: {count_of(epoch, 'epoch')} and {count_of(so_far.batches, 'batch')} of the next"
            )
        if not last and time.monotonic() - self._saved_at > KEPT_EVERY_SECONDS:
            self.keep(epoch, take())
