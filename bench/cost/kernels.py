"""The kernels that a step runs, counted while they run: a check of the trace."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

KernelMacs = tuple[int, int]
"""MACs of the kernels that ran in a step: of convolutions, and all others."""


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Keep torch from fusing layers into kernels that hide their products, and from warning about it.

    Torch fuses whole attention layers, the attention function, and oneDNN's recurrent layers.
    """
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            torch.backends.mkldnn.flags(enabled=False),
            sdpa_kernel(SDPBackend.MATH),
        ):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


class KernelWatch(TorchDispatchMode):
    """Counts the MACs of the kernels that run, and records the parameters that they read."""

    def __init__(self) -> None:
        super().__init__()
        # Products with a vector are in no formula of FlopCounterMode.
        self._flops = FlopCounterMode(
            display=False,
            custom_mapping={
                torch.ops.aten.mv: lambda matrix, vector, **_: 2 * prod(matrix),
                torch.ops.aten.dot: lambda left, right, **_: 2 * prod(left),
            },
        )
        self.parameters_read: set[int] = set()

    def __enter__(self) -> KernelWatch:
        super().__enter__()
        self._flops.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._flops.__exit__(*error)
        super().__exit__(*error)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._note(args)
        self._note((kwargs or {}).values())
        return func(*args, **(kwargs or {}))

    def _note(self, values: Any) -> None:
        for value in values:
            if isinstance(value, (list, tuple)):
                self._note(value)
            elif isinstance(value, nn.Parameter):  # other tensors may be gone, and their identities used again
                self.parameters_read.add(id(value))

    @property
    def macs(self) -> KernelMacs:
        """MACs of convolutions, and all others."""
        kernels = self._flops.get_flop_counts().get("Global", {})
        convolution = sum(flops for kernel, flops in kernels.items() if "conv" in str(kernel))
        return convolution // 2, (sum(kernels.values()) - convolution) // 2
