"""The backend ``torch-compile``: every step of a network compiled by TorchInductor when it first runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import BenchError
from bench.inference.backends.backend import Backend, BackendKind
from bench.inference.backends.eager import Eager, checked

if TYPE_CHECKING:
    from torch import Tensor

    from bench.networks import MultiExitNetwork

COMPILERS = ("g++", "clang++", "c++")


class Compiled(Eager):
    """Runs compiled steps. A step is compiled twice: for one image, and for any larger number of them."""

    name = "torch-compile"

    def __init__(self, network: MultiExitNetwork, *, precision: str, threads: int | None, device: str) -> None:
        super().__init__(network, precision=precision, threads=threads, device=device)
        self.steps = [self._compile(index) for index in range(len(self.exits))]

    def _compile(self, exit_index: int) -> Callable[[Any], tuple[Any, Tensor]]:
        import torch

        network = self.network

        # A function for each exit: one of two arguments would be compiled again for every number.
        def step(state: Any) -> tuple[Any, Tensor]:
            return network.step(state, exit_index)

        return torch.compile(step)

    def _step(self, state: Any, exit_index: int) -> tuple[Any, Tensor]:
        import torch

        from bench.networks import state_tensors

        for tensor in state_tensors(state):
            # The batch may be any; height and width stay constants, for which the kernels are better.
            torch._dynamo.maybe_mark_dynamic(tensor, 0)
        return self.steps[exit_index](state)


def _open(model: MultiExitNetwork | Path, *, precision: str | None, threads: int | None, device: str) -> Backend:
    network, precision, device = checked(model, precision, device)
    if device == "mps":
        raise BenchError("backend torch-compile runs on cpu and cuda, not on mps; use backend torch")
    wanted = (os.environ["CXX"],) if os.environ.get("CXX") else COMPILERS
    if device == "cpu" and not any(map(shutil.which, wanted)):
        raise BenchError(
            f"backend torch-compile needs a C++ compiler and found none of {', '.join(wanted)}; install one (g++), "
            "name it in CXX, or use backend torch"
        )
    return Compiled(network, precision=precision, threads=threads, device=device)


TORCH_COMPILE = BackendKind(
    "torch-compile",
    "PyTorch, every step compiled when it first runs; processor (with a C++ compiler) and CUDA",
    reads="network",
    open=_open,
)
