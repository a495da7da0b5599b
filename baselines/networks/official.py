"""Weights of the official MSDNet and RANet repositories, copied by position.

Their checkpoints have other names, but hold the tensors in the same order as these networks. A ``.safetensors`` file
keeps no order: there it is restored from the official names. Blocks beyond the last exit that is kept, and the
classifiers over ImageNet's classes, are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.encoders.weights import SAFETENSORS, read_state_dict
from bench.errors import BenchError

CLASSIFIER = ".linear."
COUNTER = "num_batches_tracked"
REGISTERED = (
    ("blocks", "scale_flows", "FirstLayer", "classifier"),
    ("layers", "conv_last", "trans", "m", "net", "linear"),
    ("conv_down", "conv_up", "conv_normal"),
    ("weight", "bias", "running_mean", "running_var", COUNTER),
)
"""Names of the official modules and tensors; those of one group are registered in this order by their module.

kalviny/MSDNet-PyTorch (models/msdnet.py) and yangle15/RANet-pytorch (models/RANet.py).
"""
RANK = {name: index for group in REGISTERED for index, name in enumerate(group)}


def fill_from_official(parts: Mapping[str, nn.Module], weights: str) -> None:
    """Fill parts of a network, by the official name of each, from a checkpoint file; ``none`` leaves them as they are.

    Raises :class:`BenchError` where the file cannot be read, is no checkpoint of the official repository, or is one of
    another network.
    """
    if weights == "none":
        return
    if weights == "imagenet":
        raise BenchError(
            "torchvision has no ImageNet weights of this network: give a checkpoint of its official code with "
            "--weights FILE (MSDNet's repository links one; for RANet none is known), or start from --weights none"
        )
    state = read_state_dict(Path(weights))
    if Path(weights).suffix == SAFETENSORS:
        state = _in_official_order(state, weights)
    for official, part in parts.items():
        _fill(
            part, {name: value for name, value in state.items() if name.startswith(f"{official}.")}, official, weights
        )


def _in_official_order(state: Mapping[str, Tensor], weights: str) -> dict[str, Tensor]:
    """Sort tensors as the official network registers them: numbers by value, names by :data:`RANK`."""

    def position(name: str) -> list[int]:
        parts = name.split(".")
        unknown = [part for part in parts if not part.isdecimal() and part not in RANK]
        if unknown:
            raise BenchError(
                f"{weights}: the name {name} is not one of the official repository, and a .safetensors file keeps no "
                "order to go by; save the checkpoint with torch.save, or with the official names"
            )
        return [int(part) if part.isdecimal() else RANK[part] for part in parts]

    return {name: state[name] for name in sorted(state, key=position)}


@torch.no_grad()
def _fill(part: nn.Module, state: Mapping[str, Tensor], official: str, weights: str) -> None:
    """Copy the first tensors of ``state`` into those of ``part``, one by one in order."""
    own = {name: value for name, value in part.state_dict().items() if not name.endswith(COUNTER)}
    given = {name: value for name, value in state.items() if not name.endswith(COUNTER) and CLASSIFIER not in name}
    if len(given) < len(own):
        raise BenchError(
            f"{weights} has {len(given)} tensors under {official!r} and this network needs {len(own)}: expected a "
            "checkpoint of the official repository, of the network that preset paper builds"
        )
    for (name, value), (theirs, found) in zip(own.items(), given.items(), strict=False):
        if value.shape != found.shape or _kind(name) != _kind(theirs):
            raise BenchError(
                f"{weights} does not fit this network: {theirs} is {tuple(found.shape)}, where {name} is "
                f"{tuple(value.shape)}. Tensors are matched by their order in the file, which must be that of the "
                "official checkpoint; its network is that of preset paper, with its 4 exits or all"
            )
        value.copy_(found)


def _kind(name: str) -> str:
    return name.rpartition(".")[2]
