"""Where the arithmetic happens, and how precisely: chosen from what the machine is fast at."""

from __future__ import annotations

import logging
import os
from datetime import timedelta

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import LightningEnvironment, SLURMEnvironment, TorchElasticEnvironment
from lightning_fabric.strategies import DDPStrategy
from torch import Tensor

from bench.allocation import keep_large_blocks
from bench.data.images import ImageStore
from bench.data.views import Views, cut_views
from bench.errors import BenchError
from bench.networks import ExitOutput, MultiExitNetwork
from bench.precision import resolve_device, resolve_precision
from bench.ranks import Ranks

FABRIC_PRECISION = {"float32": "32-true", "bfloat16": "bf16-mixed"}
STARTED_BY = {"": LightningEnvironment, "torchrun": TorchElasticEnvironment, "Slurm": SLURMEnvironment}
"""What knows the other processes of a run, by :attr:`bench.ranks.Ranks.started_by`."""
ALONE = Ranks()
"""The only process of a run."""
LONGEST_WAIT = timedelta(days=7)
"""How long processes wait for the first, which sweeps alone; one that dies is noticed at once."""
DEVICE_SHARE = 0.5
"""Images are kept on an accelerator while they take no more than this share of its free memory."""


def open_device(device: str = "auto", precision: str = "auto", ranks: Ranks = ALONE) -> Fabric:
    """Open a device (``auto``, ``cpu``, ``cuda``, ``mps``) in a precision (``auto``, ``float32``, ``bfloat16``).

    Where ``ranks`` are several, this is one of their processes: the first of a node that nobody else has started the
    others of starts them, with the same command line, and all wait until all are there.

    :mod:`bench.precision` says what ``auto`` takes. Raises BenchError for what is unknown or not available here. On a
    processor, malloc is set to keep large blocks (:mod:`bench.allocation`): work on tensors starts here.
    """
    precision, device = resolve_precision(precision, device), resolve_device(device)
    # It tells of every process that it is there, and of every precision that it is on.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    if device == "cpu":
        keep_large_blocks()
    # Not left to Fabric, which takes the one process of a batch script of Slurm with several tasks for one of them.
    if ranks.started_by == "Slurm":
        # Fabric wants it, and srun says it only where it was asked so.
        os.environ["SLURM_NTASKS_PER_NODE"] = str(ranks.devices)
    started_by = STARTED_BY[ranks.started_by]()
    if ranks.world_size == 1:
        return Fabric(accelerator=device, devices=1, precision=FABRIC_PRECISION[precision], plugins=[started_by])
    there = {"cpu": os.cpu_count() or 1, "cuda": torch.cuda.device_count()}.get(device, 1)
    if ranks.devices > there:
        what = {"cpu": "cores", "cuda": "accelerators"}.get(device, "device")
        raise BenchError(f"{ranks.devices} devices are asked for, and this machine has {there} {what}")
    # Objects travel through gloo, whatever tensors travel through.
    backend = "cpu:gloo,cuda:nccl" if device == "cuda" else "gloo"
    strategy = DDPStrategy(process_group_backend=backend, timeout=LONGEST_WAIT, find_unused_parameters=True)
    fabric = Fabric(
        accelerator=device,
        strategy=strategy,
        devices=ranks.devices,
        num_nodes=ranks.nodes,
        precision=FABRIC_PRECISION[precision],
        plugins=[started_by],
    )
    fabric.launch()
    return fabric


def device_name(fabric: Fabric) -> str:
    """Name the device for provenance: ``cpu``, or the accelerator's model."""
    return torch.cuda.get_device_name(fabric.device) if fabric.device.type == "cuda" else fabric.device.type


def precision_name(fabric: Fabric) -> str:
    """Name the precision as the user would: ``float32`` or ``bfloat16``."""
    return "bfloat16" if fabric._precision.precision == "bf16-mixed" else "float32"


def wait_for(device: torch.device) -> None:
    """Wait until an accelerator has done what it was given; a processor has by then."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def run_outputs(
    network: MultiExitNetwork, images: Tensor, fabric: Fabric, num_exits: int | None = None
) -> list[ExitOutput]:
    """Run ``network.outputs`` on images (B, 3, H, W) in the fabric's precision, and give all of it in float32.

    The one way to a loss: autocast leaves outputs in bfloat16, in which distances are coarse and ``torch.cdist`` does
    not exist. ``network`` may be wrapped by the fabric. Autocast is entered here, since Fabric enters it for a method
    other than ``forward`` only where a strategy wraps the network.
    """
    with fabric.autocast():
        outputs = network.outputs(images, num_exits)
    return [output.float() for output in outputs]


class DeviceImages:
    """The images of a store as batches on a device, uint8 (B, 3, H, W).

    On an accelerator they are copied there once if they fit, and every batch is cut there. ``input_size`` (height,
    width) is what a network takes of them; by default the stored size.
    """

    def __init__(self, store: ImageStore, fabric: Fabric, input_size: tuple[int, int] | None = None) -> None:
        self.device = fabric.device
        self.store = store
        self.input_size = input_size or (store.images.shape[2], store.images.shape[3])
        self.resident: Tensor | None = None
        if self.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.device)
            if store.images.nbytes <= DEVICE_SHARE * free:
                self.resident = torch.from_numpy(np.array(store.images)).to(self.device)

    @property
    def index_device(self) -> torch.device:
        """Device on which indices of images are best: that of the images."""
        return torch.device("cpu") if self.resident is None else self.device

    def __len__(self) -> int:
        """Count the images."""
        return len(self.store.images)

    def batch(self, indices: Tensor) -> Tensor:
        """Cut the images at ``indices`` (B,)."""
        if self.resident is not None:
            return self.resident[indices.to(self.device)]
        # On MPS a copy that is not waited for may read the batch after it is gone (pytorch/pytorch#189690).
        return self.store.batch(indices).to(self.device, non_blocking=self.device.type == "cuda")

    def views(self, indices: Tensor, views: Views = "centre") -> list[Tensor]:
        """Cut the views of the images at ``indices`` (B,) that an evaluation embeds: each (B, 3, height, width)."""
        return cut_views(self.batch(indices), self.input_size, views)
