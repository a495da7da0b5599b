"""The trained network of a run, read from the run's folder alone: no data is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from bench import registry
from bench.errors import BenchError
from bench.files import read_json
from bench.methods import Options
from bench.networks import MultiExitNetwork
from bench.runs.folder import RunFolder
from bench.training.weights import TRAIN_AGAIN, load_weights


@dataclass(frozen=True)
class TrainedRun:
    """A run whose training has ended: its folder, its spec as kept, and its network in evaluation mode."""

    folder: RunFolder
    key: str
    spec: Mapping[str, Any]
    identities: int
    network: MultiExitNetwork

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width of what the network takes."""
        height, width = self.spec["recipe"]["input_size"]
        return height, width

    @property
    def stored_size(self) -> tuple[int, int]:
        """Height and width that images are resized to before the input is cut from them."""
        height, width = self.spec["recipe"].get("resize") or self.input_size
        return height, width


def read_trained(folder: RunFolder) -> TrainedRun:
    """Read the network of a run. Raises :class:`BenchError` where its training has not ended or a file is damaged."""
    spec = read_json(folder.spec)
    if not (folder.weights.is_file() and folder.training.is_file()):
        raise BenchError(
            f"{folder.path} has no trained network: expected {folder.weights.name}; let bench run end first"
        )
    try:
        identities = int(read_json(folder.training)["identities"])
        options, size = spec["network"], tuple(spec["recipe"]["input_size"])
        network = build_network(spec["method"], options, identities, size)
    except (KeyError, TypeError) as problem:
        raise BenchError(f"{folder.path} lacks what builds its network ({problem!r}); run it again") from None
    load_weights(network, folder.weights)
    folder.check_weights(TRAIN_AGAIN)
    return TrainedRun(folder, str(spec["key"]), spec, identities, network)


def build_network(method: str, options: Options, identities: int, size: tuple[int, ...]) -> MultiExitNetwork:
    """Build the network of a method in evaluation mode, without pretrained weights: its own are loaded into it."""
    options = {**options, **({"weights": "none"} if "weights" in options else {})}
    return registry.method(method).build(options, identities, (size[0], size[1])).eval()


def weights_sha256(network: MultiExitNetwork) -> str:
    """Hash names, shapes, types and values of all parameters and buffers, in the order of their names."""
    sha = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        values = tensor.detach().cpu().contiguous()
        sha.update(f"{name} {values.dtype} {tuple(values.shape)}\n".encode())
        sha.update(values.flatten().view(torch.uint8).numpy().data if values.numel() else b"")
    return sha.hexdigest()
