"""How a network is trained, as plain values, which are part of a run's key.

Nothing here imports torch: listing methods and printing plans stay fast.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args, get_type_hints

from bench.errors import BenchError, unknown_name

MOST_EPOCHS, MOST_BATCHES, MOST_IN_BATCH = 100_000, 10_000_000, 65_536
"""The longest training, and the largest batch (people, and images of each), that is begun."""
MOST_PIXELS = 8_192
"""The greatest height or width of an image, or width of its border."""
MOST_RATE, MOST_FACTOR = 1_000, 1_000_000
"""The greatest learning rate or weight decay, and the greatest factor of a schedule."""


def _expect(holds: bool, name: str, expected: str, found: Any) -> None:
    if not holds:
        raise BenchError(f"{name} must be {expected}, not {found}")


def _expect_within(name: str, found: Any, least: float, most: float, *, above: bool = False) -> None:
    """Refuse a number, or one of several, that is not from ``least`` (or above it) to ``most``."""
    for one in found if isinstance(found, tuple) else (found,):
        expected = f"{'above' if above else 'at least'} {least:,} and at most {most:,}"
        _expect(one <= most and (one > least if above else one >= least), name, expected, one)


def _expect_choice(owner: Any, field: str) -> None:
    choices = get_args(get_type_hints(type(owner))[field])
    if getattr(owner, field) not in choices:
        raise unknown_name(f"{type(owner).__name__.lower()}.{field}", getattr(owner, field), choices)


@dataclass(frozen=True)
class Schedule:
    """Learning rate over the epochs, as a factor on the optimiser's own.

    ``step`` multiplies by ``factor`` at each of ``milestones`` (epochs); ``cosine`` falls to zero at the last
    epoch; ``exponential`` stays until its one milestone and then falls evenly on a logarithmic scale, to ``factor`` at
    the last epoch. During ``warmup_epochs`` the rate first rises linearly. The rate is set for every batch, by
    the fraction of epochs that is over at its end: the batch before a milestone has the rate after it already, and the
    last one of ``cosine`` has 0. ``later_betas`` are the optimiser's betas from the first milestone on (DaRe changes
    them); empty means that they stay. Raises :class:`BenchError` for values that no schedule can have.
    """

    kind: Literal["step", "cosine", "exponential"] = "step"
    milestones: tuple[int, ...] = ()
    factor: float = 0.1
    warmup_epochs: float = 0.0
    later_betas: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be followed."""
        _expect_choice(self, "kind")
        if self.kind == "exponential":
            _expect(
                len(self.milestones) == 1, "schedule.milestones", "one epoch, where the fall begins", self.milestones
            )
        _expect(len(self.later_betas) in (0, 2), "schedule.later_betas", "two numbers or none", self.later_betas)
        _expect(
            not self.later_betas or bool(self.milestones),
            "schedule.later_betas",
            "empty where there is no milestone",
            self.later_betas,
        )
        _expect_within("schedule.factor", self.factor, 0, MOST_FACTOR, above=True)
        _expect_within("schedule.warmup_epochs", self.warmup_epochs, 0, MOST_EPOCHS)
        _expect_within("schedule.milestones", self.milestones, 0, MOST_EPOCHS)
        _expect_within("schedule.later_betas", self.later_betas, 0, 1)


@dataclass(frozen=True)
class Optimiser:
    """Optimiser and its constants; ``learning_rate`` is the highest rate of the schedule.

    ``amsgrad`` is Adam with the largest of the second moments so far (Reddi et al. 2018). Raises :class:`BenchError`
    for values that no optimiser can have.
    """

    name: Literal["adam", "adamw", "amsgrad", "sgd"] = "adam"
    learning_rate: float = 3e-4
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    momentum: float = 0.9

    def __post_init__(self) -> None:
        """Refuse what cannot be followed."""
        _expect_choice(self, "name")
        _expect_within("optimiser.learning_rate", self.learning_rate, 0, MOST_RATE, above=True)
        _expect_within("optimiser.weight_decay", self.weight_decay, 0, MOST_RATE)
        _expect(len(self.betas) == 2, "optimiser.betas", "two numbers", self.betas)
        _expect_within("optimiser.betas", self.betas, 0, 1)
        _expect_within("optimiser.momentum", self.momentum, 0, 1)


@dataclass(frozen=True)
class Augmentation:
    """Random changes to training images, drawn for each image on its own.

    ``flip`` and ``erase`` are probabilities. ``pad`` is the width in pixels of a black border that is added before a
    crop is cut (0: none). ``erase_area`` are the least and the greatest area of an erased rectangle, as fractions of
    the image. It is filled with ImageNet's ``mean``, or with standard normal ``noise`` for each pixel and channel of
    the normalised image. Raises :class:`BenchError` for values out of range.
    """

    flip: float = 0.5
    erase: float = 0.5
    pad: int = 0
    erase_area: tuple[float, float] = (0.02, 0.4)
    erase_with: Literal["mean", "noise"] = "mean"

    def __post_init__(self) -> None:
        """Refuse what cannot be followed."""
        for name in ("flip", "erase"):
            _expect(0 <= getattr(self, name) <= 1, f"augmentation.{name}", "from 0 to 1", getattr(self, name))
        _expect_within("augmentation.pad", self.pad, 0, MOST_PIXELS)
        area = self.erase_area
        _expect(len(area) == 2 and 0 < area[0] <= area[1] < 1, "augmentation.erase_area", "two shares, rising", area)
        _expect_choice(self, "erase_with")


@dataclass(frozen=True)
class Recipe:
    """Everything about training except the network and the data.

    ``input_size`` is (height, width) in pixels. If ``resize`` (height, width) is not empty, images are stored at that
    size, and the input is cut from it: at random in training, at the centre otherwise. A batch has
    ``identities_per_batch`` × ``images_per_identity`` images. ``batches_per_epoch`` 0 means one pass over the images:
    images // batch size. ``keep`` selects the final weights: those of the ``last`` epoch, or of the ``best`` among the
    epochs at every tenth of training, by mAP at the last exit on the calibration identities. Raises
    :class:`BenchError` for values out of range.
    """

    input_size: tuple[int, int] = (256, 128)
    resize: tuple[int, ...] = ()
    epochs: int = 100
    identities_per_batch: int = 16
    images_per_identity: int = 4
    batches_per_epoch: int = 0
    optimiser: Optimiser = Optimiser()
    schedule: Schedule = Schedule()
    augmentation: Augmentation = Augmentation()
    keep: Literal["last", "best"] = "last"

    def __post_init__(self) -> None:
        """Refuse what cannot be followed."""
        _expect_choice(self, "keep")
        size = self.input_size
        _expect(len(size) == 2 and min(size, default=0) > 0, "input_size", "height and width in pixels", size)
        _expect_within("input_size", size, 1, MOST_PIXELS)
        room = len(self.resize) == 2 and all(map(int.__ge__, self.resize, size))
        _expect(not self.resize or room, "resize", f"empty, or height and width of at least {size}", self.resize)
        _expect_within("resize", self.resize, 1, MOST_PIXELS)
        _expect_within("epochs", self.epochs, 1, MOST_EPOCHS)
        _expect_within("identities_per_batch", self.identities_per_batch, 1, MOST_IN_BATCH)
        _expect_within("images_per_identity", self.images_per_identity, 1, MOST_IN_BATCH)
        _expect(
            self.batch_size > 1,
            "a batch (identities_per_batch × images_per_identity)",
            "two images or more, whose mean and variance batch norm takes",
            self.batch_size,
        )
        _expect_within("batches_per_epoch", self.batches_per_epoch, 0, MOST_BATCHES)

    def shortened(self, share: float) -> Recipe:
        """Give the recipe for a ``share`` of its epochs, at least one; warm-up and milestones go with them.

        Raises :class:`BenchError` where the share is not above 0 and at most 1.
        """
        _expect_within("the share of a training", share, 0, 1, above=True)
        schedule = replace(
            self.schedule,
            warmup_epochs=self.schedule.warmup_epochs * share,
            milestones=tuple(round(milestone * share) for milestone in self.schedule.milestones),
        )
        return replace(self, epochs=max(1, round(self.epochs * share)), schedule=schedule)

    @property
    def stored_size(self) -> tuple[int, int]:
        """(height, width) at which decoded images are stored: ``resize``, by default the input size."""
        height, width = self.resize or self.input_size
        return height, width

    @property
    def batch_size(self) -> int:
        """Images in a batch."""
        return self.identities_per_batch * self.images_per_identity
