"""What the stages of one run share: its spec, its images, its folder, its device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric

from bench import provenance
from bench.data.dataset import ImageSample
from bench.data.images import ImageStore
from bench.data.split import hold_out, sides_of
from bench.deadline import NEVER, Deadline
from bench.device import ALONE, device_name, open_device, precision_name
from bench.methods import Method
from bench.progress import Reporter
from bench.ranks import Ranks
from bench.running.keep import held
from bench.runs.folder import RunFolder
from bench.spec import EVALUATION_VERSION, TRAINING_VERSION, RunSpec


@dataclass(frozen=True)
class Stores:
    """The decoded images of the three splits."""

    train: ImageStore
    query: ImageStore
    gallery: ImageStore


Calling = Callable[["RunContext", str, tuple[Any, ...]], AbstractContextManager[None]]
"""Has the other processes of a run do a stage, by its name and what it reads, while the block does it here."""


@contextmanager
def alone(context: RunContext, stage: str, reads: tuple[Any, ...]) -> Iterator[None]:
    """Call nobody: there is one process."""
    yield


@dataclass(frozen=True)
class RunContext:
    """What every stage of one run needs; ``call`` has other processes take part in a stage, where there are any.

    Stages work in a folder that is held. Where it is only read (``reading``), nothing is held until something that is
    not kept there was made, and is written.
    """

    spec: RunSpec
    method: Method
    stores: Stores
    folder: RunFolder
    fabric: Fabric
    reporter: Reporter
    deadline: Deadline = NEVER
    call: Calling = alone
    reading: bool = False

    @classmethod
    def set_up(
        cls,
        spec: RunSpec,
        method: Method,
        stores: Stores,
        folder: RunFolder,
        device: str,
        reporter: Reporter,
        deadline: Deadline = NEVER,
        ranks: Ranks = ALONE,
        call: Calling = alone,
    ) -> RunContext:
        """Open the device and hold the parts together."""
        fabric = open_device(device, spec.precision, ranks)
        return cls(spec, method, stores, folder, fabric, reporter, deadline, call)

    def hold(self) -> AbstractContextManager[bool]:
        """Hold the folder while a file is written there, and tell whether it may be written."""
        return self.folder.if_free() if self.reading else held()

    def provenance(self) -> dict[str, Any]:
        """Tell what a result computed here and now comes from."""
        return provenance.collect(
            device=device_name(self.fabric),
            precision=precision_name(self.fabric),
            threads=torch.get_num_threads(),
            versions={"training": TRAINING_VERSION, "evaluation": EVALUATION_VERSION},
            world_size=self.fabric.world_size,
        )

    def held_out(self) -> tuple[Sequence[ImageSample], Sequence[ImageSample], Sequence[ImageSample]]:
        """Split the training images: those trained on, and the calibration identities' queries and gallery."""
        stores = self.stores
        sides = sides_of(stores.query.samples, stores.gallery.samples)
        return hold_out(stores.train.samples, self.spec.calibration_share, self.spec.seed, sides)

    def calibration(self) -> tuple[Sequence[ImageSample], Sequence[ImageSample]]:
        """Queries of the calibration identities, and their gallery: their other images, and all training images.

        Without the latter the gallery would be a fraction of the test's, few images would resemble a query, and under
        thresholds fitted there far too many would leave.
        """
        training, query, gallery = self.held_out()
        return query, (*gallery, *training) if query else ()
