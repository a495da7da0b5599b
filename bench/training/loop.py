"""The training loop: resumes after every epoch, and ends the same however often it was stopped.

All that is random in an epoch is drawn from (seed, epoch), so that a checkpoint between two epochs needs no
generator's state and a run that was killed ends with the same weights as one that was not. One in the middle of an
epoch has these states (:mod:`bench.training.pausing`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor

from bench.data.sampling import identity_batches
from bench.deadline import NEVER, Deadline
from bench.networks import MultiExitNetwork
from bench.progress import SILENT, Reporter
from bench.training.checkpoint import Checkpoint
from bench.training.epoch import Epochs
from bench.training.graphs import outputs_of
from bench.training.pausing import EpochSoFar, Pauses
from bench.training.recipe import Recipe
from bench.training.retrieval_history import TrainingImages, measure_retrieval, measured_epochs
from bench.training.schedule import build_optimiser
from bench.training.sharing import Loss, SharedStep, as_on_one_device

MEASURING = 1 / 3
"""What a forward pass to the first exit takes of the time of a training batch, at the most."""


@dataclass(frozen=True)
class Trained:
    """What training leaves beside the network: losses of every epoch, and the retrieval history (T, N)
    with its epochs (T,).

    ``validation`` are the scores of the epochs that the kept one was chosen among; empty where it is the last.
    """

    history: list[dict[str, float]]
    validation: list[dict[str, float]]
    retrieval_history: NDArray[np.int8]
    measured_epochs: tuple[int, ...]


def train(
    network: MultiExitNetwork,
    loss: Loss,
    samples: TrainingImages,
    recipe: Recipe,
    *,
    seed: int,
    key: str,
    checkpoint: Path,
    fabric: Fabric,
    validate: Callable[[], float] | None = None,
    deadline: Deadline = NEVER,
    reporter: Reporter = SILENT,
    per_device_loss: bool = False,
) -> Trained:
    """Train ``network`` in place by ``recipe``, from the last checkpoint of this run if there is one.

    ``key`` is the run's; a checkpoint of another is refused. A loss that is not finite ends in an error, with the
    last good epoch kept. Ctrl-C leaves what the last checkpoint has. ``validate`` scores the network as it is; a
    recipe that keeps the best epoch needs it. Raises TimeIsUp before ``deadline``, with every batch kept.

    All processes of a ``fabric`` of several call this. The first alone reads and writes checkpoints, and its clock
    decides. ``per_device_loss`` has each compute the loss of its own part of a batch.
    """
    assert recipe.keep == "last" or validate is not None
    optimiser = build_optimiser(recipe.optimiser, network.parameters(), fabric.device.type)
    network.to(memory_format=torch.channels_last)
    history: list[dict[str, float]] = []
    retrieval_history: list[NDArray[np.int8]] = []
    validation: list[dict[str, float]] = []
    best: dict[str, Tensor] = {}
    first = fabric.global_rank == 0
    resumed = Checkpoint.load(checkpoint, key) if first and checkpoint.exists() else None
    if fabric.world_size > 1:
        resumed = fabric.broadcast(resumed)
    if resumed is not None:
        network.load_state_dict(resumed.network)
        history, retrieval_history = resumed.history, list(resumed.retrieval_history.numpy())
        validation, best = resumed.validation, resumed.best
    if fabric.world_size > 1:
        step = SharedStep(network, loss, fabric, per_device=per_device_loss)
        wrapped, optimiser = fabric.setup(step, optimiser)
        compute = None
    else:
        wrapped, optimiser = fabric.setup(network, optimiser)
        shape = (recipe.batch_size, 3, *recipe.input_size)
        compute = outputs_of(network, shape, fabric, reporter)
    if resumed is not None:
        optimiser.load_state_dict(resumed.optimiser)
    done = len(history)
    steps = len(identity_batches(samples.labels, recipe, seed, epoch=0))
    so_far = EpochSoFar(**resumed.so_far) if resumed is not None and resumed.so_far else None
    batches_done = so_far.batches if so_far else 0
    if resumed is not None:
        within = f", batch {batches_done} of {steps}" if so_far else ""
        reporter.note(f"going on after epoch {done} of {recipe.epochs}{within}")

    def save(epoch: int, so_far: EpochSoFar | None) -> None:
        if not first:
            return
        taken = torch.tensor(
            np.array(retrieval_history, dtype=np.int8).reshape(len(retrieval_history), len(samples.labels))
        )
        state = (network.state_dict(), optimiser.state_dict(), history, taken, validation, best)
        Checkpoint(key, epoch, *state, so_far.to_plain() if so_far else {}).save(checkpoint)

    pauses = Pauses(save, deadline, agree=fabric.broadcast if fabric.world_size > 1 else None, kept_epochs=done)
    passes = len(samples.labels) / recipe.batch_size
    epochs = Epochs(wrapped, compute, optimiser, loss, samples, recipe, seed, fabric, pauses)
    shared = as_on_one_device(network) if fabric.world_size > 1 else nullcontext()
    try:
        with shared, reporter.task("training", (recipe.epochs - done) * steps - batches_done) as task:
            for epoch in range(done, recipe.epochs):
                measured = epoch + 1 in measured_epochs(recipe.epochs)
                pauses.afterwards_batches = MEASURING * passes if measured else 0.0
                means = epochs.run(epoch, task, so_far)
                so_far = None
                history.append({"epoch": epoch + 1, **means})
                if measured:
                    retrieval_history.append(measure_retrieval(network, samples, fabric))
                    if recipe.keep == "best" and validate is not None:
                        score = validate()
                        if score > max((entry["mAP"] for entry in validation), default=-1.0):
                            best = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
                        validation.append({"epoch": epoch + 1, "mAP": score})
                pauses.after_epoch(epoch + 1, last=epoch + 1 == recipe.epochs)
    except KeyboardInterrupt:
        reporter.note(
            f"stopped; {pauses.kept_epochs} of {recipe.epochs} epochs are kept, and the same command goes on from there"
        )
        raise
    if best:
        network.load_state_dict(best)
    return Trained(history, validation, np.stack(retrieval_history), measured_epochs(recipe.epochs))
