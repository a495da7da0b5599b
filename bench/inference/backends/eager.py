"""The backend ``torch``: PyTorch as it is, an operation at a time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.inference.backends.backend import Backend, BackendKind, Embedding, Rows, moves, to_embedding
from bench.retrieval.codes import half_precision, unpack

if TYPE_CHECKING:
    from torch import Tensor

    from bench.networks import MultiExitNetwork


class Eager(Backend):
    """Runs ``start`` and ``step`` of a network as they are written.

    Weights and images are laid out channels last, as where the exit table's embeddings come from: the same kernels,
    so the same codes. Precisions below float32 are mixed, by autocast, as they are there. ``threads`` are torch's own,
    which are one number for the whole process.
    """

    name = "torch"

    def __init__(self, network: MultiExitNetwork, *, precision: str, threads: int | None, device: str) -> None:
        import torch

        from bench.networks import MultiExitNetwork

        if threads is not None:
            torch.set_num_threads(threads)
        self.network = network.to(device).to(memory_format=torch.channels_last).eval()
        self.exits = network.exits
        self.has_features = type(network).first_features is not MultiExitNetwork.first_features
        self.precision = precision
        self.threads = torch.get_num_threads()
        self.device = device

    def start(self, images: NDArray[np.float32] | Tensor) -> Any:
        """Run the network's own ``start`` on images (B, 3, H, W)."""
        import torch

        # A copy in any case: a network may hand its images on, and rows of a state are moved.
        batch = torch.as_tensor(images).to(self.device, memory_format=torch.channels_last, copy=True)
        with torch.inference_mode(), self._autocast():
            return self.network.start(batch)

    def step(self, state: Any, exit_index: int) -> tuple[Any, Embedding]:
        """Run a step, and bring its embedding to the host."""
        import torch

        with torch.inference_mode(), self._autocast():
            state, embedding = self._step(state, exit_index)
            # A copy in any case: an embedding may be part of the state as well.
            embedding = embedding.to("cpu", torch.float32, copy=True)
        return state, to_embedding(embedding.numpy(), self.exits[exit_index])

    def select(self, state: Any, rows: Rows) -> Any:
        """Choose the rows of every tensor. On a processor those that stay where they lie are not copied."""
        import torch

        from bench.networks import move_rows, select, state_tensors

        kept, places = moves(rows, len(state_tensors(state)[0]))
        with torch.inference_mode():
            # A row at a time is slow on a device: each is a kernel of its own.
            if places is None or self.device != "cpu":
                return select(state, torch.from_numpy(kept).to(self.device))
            return move_rows(state, kept[places].tolist(), places.tolist(), len(kept))

    def join(self, states: Sequence[Any]) -> Any:
        """Copy every tensor of the states into one."""
        import torch

        from bench.networks import join

        with torch.inference_mode():
            return join(states)

    def first_features(self, state: Any, embedding: Embedding) -> NDArray[np.float16] | None:
        """Ask the network for the first exit's features (B, F)."""
        import torch

        spec = self.exits[0]
        values = unpack(embedding, spec.dim) if spec.code == "binary" else embedding
        with torch.inference_mode(), self._autocast():
            codes = torch.from_numpy(values).to(self.device, torch.float32)
            features = self.network.first_features(state, codes)
        return None if features is None else half_precision(features.flatten(1).float().cpu().numpy())

    def _step(self, state: Any, exit_index: int) -> tuple[Any, Tensor]:
        return self.network.step(state, exit_index)

    def _autocast(self) -> AbstractContextManager[Any]:
        import torch

        dtype = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(self.precision, torch.float32)
        return torch.autocast(self.device, dtype=dtype, enabled=self.precision != "float32")


def checked(model: MultiExitNetwork | Path, precision: str | None, device: str) -> tuple[MultiExitNetwork, str, str]:
    """Check what PyTorch is asked for, and build the network of exported weights: gives network, precision and device.

    Raises :class:`BenchError` for the folder of exported graphs, int8, and devices that are not there.
    """
    from bench.device import open_device
    from bench.inference.export.write import read_network

    precision = precision or "float32"
    if precision == "int8":
        raise BenchError("PyTorch runs float32, bfloat16 and float16; int8 is for exported graphs: backend onnxruntime")
    found = open_device(device, "float32").device.type
    if precision == "float16" and found == "cpu":
        raise BenchError("float16 on a processor is slower than float32 and no more exact; use bfloat16 or float32")
    return read_network(model) if isinstance(model, Path) else model, precision, found


def _open(model: MultiExitNetwork | Path, *, precision: str | None, threads: int | None, device: str) -> Backend:
    network, precision, device = checked(model, precision, device)
    return Eager(network, precision=precision, threads=threads, device=device)


TORCH = BackendKind(
    "torch",
    "PyTorch, an operation at a time; processor and accelerators",
    reads="network",
    open=_open,
)
