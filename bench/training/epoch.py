"""One epoch of training: batches drawn from (seed, epoch), steps, and the means of their losses."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from bench.counts import count_of
from bench.data.augmentation import training_view
from bench.data.sampling import identity_batches
from bench.errors import BenchError
from bench.progress import Task
from bench.training.graphs import Outputs
from bench.training.pausing import EpochSoFar, Pauses
from bench.training.recipe import Recipe
from bench.training.retrieval_history import TrainingImages
from bench.training.schedule import follow
from bench.training.sharing import Loss, mean_over_processes, part_of

CHECK_EVERY, CHECK_ACCELERATOR_EVERY = 10, 50
"""Batches between looks at the loss. On an accelerator a look waits for all that has been launched."""


@dataclass(frozen=True, eq=False)
class Epochs:
    """What every epoch works with: a network that ``compute`` runs, or where that is None a :class:`SharedStep`."""

    network: Any
    compute: Outputs | None
    optimiser: torch.optim.Optimizer
    loss: Loss
    samples: TrainingImages
    recipe: Recipe
    seed: int
    fabric: Fabric
    pauses: Pauses

    def run(self, epoch: int, task: Task, so_far: EpochSoFar | None = None) -> dict[str, float]:
        """Run one epoch, or what is left of it.

        Gives means of the loss and of its terms, the rate at the end, and the seconds. Raises TimeIsUp as
        :class:`~bench.training.pausing.Pauses` does, and BenchError where the loss is not finite, or every loss of the
        first epoch is 0.
        """
        started = time.perf_counter()
        seed = int(np.random.SeedSequence([self.seed, epoch]).generate_state(1)[0])
        torch.manual_seed(seed)
        generator = torch.Generator(device=self.fabric.device).manual_seed(seed)
        # On the device once an epoch: a copy in every step would wait for the steps before.
        batches = np.stack(identity_batches(self.samples.labels, self.recipe, self.seed, epoch))
        labels = torch.from_numpy(self.samples.labels[batches]).to(self.fabric.device)
        indices = torch.from_numpy(self.samples.indices[batches]).to(self.samples.images.index_device)
        self.network.train()
        anneal = self.network.module.network.anneal if self.compute is None else self.network.anneal
        sums: dict[str, Tensor] = {}
        look_every = CHECK_EVERY if self.fabric.device.type == "cpu" else CHECK_ACCELERATOR_EVERY
        rate = 0.0
        begun = 0
        if so_far:
            sums, rate, begun = so_far.restore(generator), so_far.rate, so_far.batches
            started -= so_far.seconds
            anneal((epoch + begun / len(batches)) / self.recipe.epochs)
        left = zip(indices[begun:], labels[begun:], strict=True)
        for number, (taken, identities) in enumerate(left, start=begun + 1):
            batch_started = time.perf_counter()
            now = epoch + number / len(batches)
            rate = follow(self.optimiser, self.recipe, now)
            anneal(now / self.recipe.epochs)
            mine = slice(None) if self.compute else part_of(len(taken), self.fabric)
            part = None if self.compute else (len(taken), mine)
            images = training_view(self.samples.images.batch(taken[mine]), self.recipe, generator, part)
            images = images.contiguous(memory_format=torch.channels_last)
            terms = self.loss(self.compute(images), identities) if self.compute else self.network(images, identities)
            total = torch.stack(list(terms.values())).sum()
            self.optimiser.zero_grad(set_to_none=True)
            self.fabric.backward(total if self.compute else self.network.module.scaled(total))
            self.optimiser.step()
            for name, value in self._of_all({"loss": total, **terms}).items():
                sums[name] = sums[name] + value if name in sums else value
            status = ""
            if number % look_every == 0 or number == len(batches):
                means = _means(sums, number)
                if not np.isfinite(means["loss"]):
                    raise _not_finite(means, epoch, self.pauses.kept_epochs, self.recipe)
                parts = ", ".join(f"{name} {value:.2g}" for name, value in means.items() if name != "loss")
                status = f"epoch {epoch + 1}/{self.recipe.epochs}, loss {means['loss']:.3g}: {parts}"
            task.advance(status=status)
            ended = time.perf_counter()
            self.pauses.after_batch(
                epoch,
                ended - batch_started,
                last=number == len(batches),
                take=partial(EpochSoFar.take, number, sums, rate, ended - started, generator),
            )
        means = _means(sums, len(batches))
        if epoch == 0 and not any(means.values()):
            raise BenchError(
                "every loss was 0 in the whole first epoch: there was nothing to learn from. Triplets need at least "
                "two identities in a batch and two images of each: --set identities_per_batch=…, images_per_identity=… "
                f"(now {self.recipe.identities_per_batch} and {self.recipe.images_per_identity})"
            )
        return {**means, "learning_rate": rate, "seconds": time.perf_counter() - started}

    def _of_all(self, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Average terms over processes: all of them then go on from the sums that the first one kept."""
        if self.fabric.world_size == 1:
            return {name: value.detach() for name, value in terms.items()}
        means = mean_over_processes(torch.stack([value.detach().float() for value in terms.values()]))
        return dict(zip(terms, means.unbind(), strict=True))


def _means(sums: Mapping[str, Tensor], batches: int) -> dict[str, float]:
    """Divide sums of losses by the number of batches."""
    return {name: float(value) / batches for name, value in sums.items()}


def _not_finite(means: dict[str, float], epoch: int, kept: int, recipe: Recipe) -> BenchError:
    culprits = ", ".join(name for name in means if name != "loss" and not np.isfinite(means[name]))
    return BenchError(
        f"the loss is not finite in epoch {epoch + 1} ({culprits or 'the sum'}); "
        f"{count_of(kept, 'whole epoch')} {'is' if kept == 1 else 'are'} kept. Try a lower rate: --set "
        f"optimiser.learning_rate={recipe.optimiser.learning_rate / 3:.1g}"
    )
