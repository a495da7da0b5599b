"""A network without the weights that one step does not read: the exporter takes milliseconds for each that it is given.

A step's graph holds nothing of them either way. Of four steps of a ResNet, each reads a quarter.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

Network = TypeVar("Network", bound=nn.Module)


class Reading(TorchFunctionMode):
    """Notes every tensor that is read while this context is entered."""

    def __init__(self) -> None:
        super().__init__()
        self._read: set[int] = set()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Note the tensors among the arguments, also those in lists, and do as the function does."""
        self._note(args)
        self._note((kwargs or {}).values())
        return func(*args, **(kwargs or {}))

    def _note(self, values: Iterable[Any]) -> None:
        for value in values:
            if isinstance(value, Tensor):
                self._read.add(id(value))
            elif isinstance(value, list | tuple):
                self._note(value)

    def without_unread(self, network: Network) -> Network:
        """Copy a network with the parameters and buffers that were read, which both share, and None for the others."""
        tensors = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
        copied = copy.deepcopy(network, dict[int, Any](tensors))
        for module in copied.modules():
            for name, tensor in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
                if id(tensor) not in self._read:
                    setattr(module, name, None)
        return copied
