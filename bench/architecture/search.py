"""The search: parameters follow the loss of training images, the choice among candidates that of validation images.

Batch by batch in turns (first-order DARTS, Liu et al., ICLR 2019; algorithm 1 of CDNet, Li et al., CVPR 2021). All that
is random in an epoch is drawn from (seed, epoch): a search that was stopped ends as one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from bench.data.augmentation import training_view
from bench.data.sampling import identity_batches
from bench.device import run_outputs
from bench.errors import BenchError
from bench.networks import ExitOutput, SearchNetwork
from bench.progress import SILENT, Reporter, Task
from bench.training.checkpoint import Checkpoint
from bench.training.recipe import Recipe
from bench.training.retrieval_history import TrainingImages
from bench.training.schedule import build_optimiser, follow

Loss = Callable[[Sequence[ExitOutput], Tensor], dict[str, Tensor]]
BETAS = (0.5, 0.999)
"""Of Adam for the choice, as in DARTS."""
VALIDATION_STREAM = 1_000_003
"""Added to the seed of validation batches, which are drawn apart from those of training."""


@dataclass(frozen=True)
class Halves:
    """Images whose loss the parameters follow, and images whose loss the choice follows: no image is in both."""

    training: TrainingImages
    validation: TrainingImages


def search(
    network: SearchNetwork,
    loss: Loss,
    halves: Halves,
    recipe: Recipe,
    *,
    rate: float,
    decay: float,
    seed: int,
    key: str,
    checkpoint: Path,
    fabric: Fabric,
    reporter: Reporter = SILENT,
) -> list[dict[str, float]]:
    """Search in place, from the last checkpoint of this search if there is one; gives a row for every epoch.

    ``recipe`` trains the parameters; ``rate`` and ``decay`` are those of Adam for the choice. A row has the means of
    both losses, and the probability of every candidate of every block (``1: 3-5-1``). Raises :class:`BenchError` where
    a loss is not finite, or the checkpoint is another search's.
    """
    chosen = {id(logits) for logits in network.architecture}
    parameters = [parameter for parameter in network.parameters() if id(parameter) not in chosen]
    optimiser = build_optimiser(recipe.optimiser, parameters, fabric.device.type)
    chooser = torch.optim.Adam(network.architecture.parameters(), lr=rate, betas=BETAS, weight_decay=decay)
    network.to(memory_format=torch.channels_last)
    history: list[dict[str, float]] = []
    resumed = Checkpoint.load(checkpoint, key) if checkpoint.exists() else None
    if resumed is not None:
        network.load_state_dict(resumed.network)
        history = resumed.history
        reporter.note(f"going on after epoch {len(history)} of {recipe.epochs}")
    wrapped, optimiser, chooser = fabric.setup(network, optimiser, chooser)
    wrapped.mark_forward_method("outputs")
    if resumed is not None:
        optimiser.load_state_dict(resumed.optimiser["parameters"])
        chooser.load_state_dict(resumed.optimiser["choice"])
    done = len(history)
    steps = len(identity_batches(halves.training.labels, recipe, seed, epoch=0))
    nothing = torch.empty(0, len(halves.training.labels), dtype=torch.int8)
    with reporter.task("searching", (recipe.epochs - done) * steps, unit="batches") as task:
        for epoch in range(done, recipe.epochs):
            step = _Step(wrapped, network.architecture, loss, optimiser, chooser, fabric)
            means = _search_epoch(step, halves, recipe, seed, epoch, task)
            history.append({"epoch": epoch + 1, **means, **_named(network)})
            state = {"parameters": optimiser.state_dict(), "choice": chooser.state_dict()}
            Checkpoint(key, epoch + 1, network.state_dict(), state, history, nothing).save(checkpoint)
    return history


@dataclass(frozen=True)
class _Step:
    """What one batch moves: the parameters, or the choice."""

    network: nn.Module
    architecture: nn.ParameterList
    loss: Loss
    optimiser: torch.optim.Optimizer
    chooser: torch.optim.Optimizer
    fabric: Fabric

    def parameters(self, images: Tensor, labels: Tensor) -> Tensor:
        """Move the parameters down the loss of a batch; gives the loss."""
        total = self._total(images, labels)
        self.optimiser.zero_grad(set_to_none=True)
        self.fabric.backward(total)
        self.optimiser.step()
        return total.detach()

    def choice(self, images: Tensor, labels: Tensor) -> Tensor:
        """Move the choice down the loss of a batch; gives the loss."""
        total = self._total(images, labels)
        logits = list(self.architecture.parameters())
        # Asked for alone: those of all parameters take longer, and are not used. A block that the loss does not depend
        # on has none.
        gradients = torch.autograd.grad(total, logits, allow_unused=True, materialize_grads=True)
        for one, gradient in zip(logits, gradients, strict=True):
            one.grad = gradient
        self.chooser.step()
        return total.detach()

    def _total(self, images: Tensor, labels: Tensor) -> Tensor:
        terms = self.loss(run_outputs(self.network, images, self.fabric), labels.to(self.fabric.device))  # type: ignore[arg-type]
        return torch.stack(list(terms.values())).sum()


def _search_epoch(step: _Step, halves: Halves, recipe: Recipe, seed: int, epoch: int, task: Task) -> dict[str, float]:
    """Run one epoch, a training and a validation batch in turns: means of both losses, rate and seconds."""
    started = time.perf_counter()
    drawn = int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
    torch.manual_seed(drawn)
    generator = torch.Generator(device=step.fabric.device).manual_seed(drawn)
    batches = identity_batches(halves.training.labels, recipe, seed, epoch)
    others = identity_batches(halves.validation.labels, recipe, seed + VALIDATION_STREAM, epoch)
    step.network.train()
    training, validation = torch.zeros(2, device=step.fabric.device)
    rate = 0.0

    def views(samples: TrainingImages, batch: Tensor) -> tuple[Tensor, Tensor]:
        images = training_view(samples.images.batch(torch.from_numpy(samples.indices)[batch]), recipe, generator)
        return images.contiguous(memory_format=torch.channels_last), torch.from_numpy(samples.labels)[batch]

    for number, batch in enumerate(map(torch.from_numpy, batches), start=1):
        rate = follow(step.optimiser, recipe, epoch + number / len(batches))
        training += step.parameters(*views(halves.training, batch))
        other = torch.from_numpy(others[(number - 1) % len(others)])
        validation += step.choice(*views(halves.validation, other))
        task.advance(status=f"epoch {epoch + 1}/{recipe.epochs}")
    means = {"training loss": float(training) / len(batches), "validation loss": float(validation) / len(batches)}
    if not all(np.isfinite(value) for value in means.values()):
        raise BenchError(
            f"a loss of the search is not finite in epoch {epoch + 1}; epoch {epoch} is kept. Try a lower rate: --set "
            f"optimiser.learning_rate={recipe.optimiser.learning_rate / 3:.1g}"
        )
    return {**means, "learning_rate": rate, "seconds": time.perf_counter() - started}


def _named(network: SearchNetwork) -> dict[str, float]:
    return {
        f"{block}: {name}": probability
        for block, row in enumerate(network.probabilities(), start=1)
        for name, probability in zip(network.candidates, row, strict=True)
    }
