"""Weights of the official MSDNet and RANet repositories, moved over by position.

Their checkpoints name parameters otherwise, but hold them in the order in which these networks do. What is beyond the
exits that are kept, and the classifiers over ImageNet's classes, is left behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.encoders.weights import read_state_dict
from bench.errors import BenchError

CLASSIFIER = ".linear."
COUNTER = "num_batches_tracked"


def fill_from_official(parts: Mapping[str, nn.Module], weights: str) -> None:
    """Fill parts of a network, by the official name of each, from a checkpoint file, or leave them (``none``)."""
    if weights == "none":
        return
    if weights == "imagenet":
        raise BenchError(
            "torchvision has no ImageNet weights of this network: give a checkpoint of its official code with "
            "--weights FILE (MSDNet's repository links one; for RANet none is known), or start from --weights none"
        )
    state = {name.removeprefix("module."): value for name, value in read_state_dict(Path(weights)).items()}
    for official, part in parts.items():
        _fill(
            part, {name: value for name, value in state.items() if name.startswith(f"{official}.")}, official, weights
        )


@torch.no_grad()
def _fill(part: nn.Module, state: Mapping[str, Tensor], official: str, weights: str) -> None:
    """Copy the first tensors of ``state`` into those of ``part``, each into the one at its place."""
    own = {name: value for name, value in part.state_dict().items() if not name.endswith(COUNTER)}
    given = {name: value for name, value in state.items() if not name.endswith(COUNTER) and CLASSIFIER not in name}
    if len(given) < len(own):
        raise BenchError(
            f"{weights} has {len(given)} tensors under {official!r} and this network needs {len(own)}: expected a "
            "checkpoint of the official repository, of the network that preset paper builds"
        )
    for (name, value), (theirs, found) in zip(own.items(), given.items(), strict=False):
        if value.shape != found.shape:
            raise BenchError(
                f"{weights} does not fit this network: {theirs} is {tuple(found.shape)}, where {name} is "
                f"{tuple(value.shape)}. Weights are for the official network: preset paper, with its 4 exits or all"
            )
        value.copy_(found)
