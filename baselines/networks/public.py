"""Checkpoints of public repositories, copied name by name into networks whose modules are arranged otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from bench.errors import BenchError

COUNTER = "num_batches_tracked"


@torch.no_grad()
def fill_by_name(
    network: nn.Module,
    state: Mapping[str, Tensor],
    own_name: Callable[[str], str],
    weights: str,
    *,
    optional: tuple[str, ...] = ("classifiers.",),
) -> None:
    """Fill a network from a public state dict; ``own_name`` gives the name here of a name there, empty to leave it out.

    ``weights`` is the file, for messages. Tensors whose name here begins with one of ``optional`` may be missing, as
    may counters of batches. Raises :class:`BenchError` where others are missing, unknown or of another shape.
    """
    own = network.state_dict()
    given = {name: own_name(name) for name in state if not name.endswith(COUNTER)}
    given = {theirs: name for theirs, name in given.items() if name}
    found = set(given.values())
    missing = [name for name in own if name not in found and not name.startswith(optional) and COUNTER not in name]
    unknown = [theirs for theirs, name in given.items() if name not in own]
    if missing or unknown:
        raise BenchError(
            f"weights {weights} do not fit this network: {len(missing)} tensors missing, {len(unknown)} unknown, the "
            f"first is {(missing or unknown)[0]}"
        )
    for theirs, name in given.items():
        if own[name].shape != state[theirs].shape:
            raise BenchError(
                f"weights {weights} do not fit this network: {theirs} is {tuple(state[theirs].shape)} and should be "
                f"{tuple(own[name].shape)}"
            )
        own[name].copy_(state[theirs])
