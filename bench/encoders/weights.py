"""Weights from torchvision's store or from a file, fitted to a network or refused in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import Tensor, nn
from torchvision import models

from bench.errors import BenchError


def fill_encoder(network: nn.Module, weights: str, weights_enum: str, classifier: str) -> None:
    """Fill a torchvision network from ``imagenet``, a ``.pth``/``.safetensors`` file, or nothing (``none``).

    ``weights_enum`` names torchvision's enumeration of its weights; ``classifier`` is the prefix of the layer over
    ImageNet's classes, which is no part of an encoder and may be missing or of another width.
    """
    if weights == "none":
        return
    state = _from_torchvision(weights_enum) if weights == "imagenet" else read_state_dict(Path(weights))
    state = {_current_name(name): value for name, value in state.items()}
    state = {name: value for name, value in state.items() if not name.startswith(classifier)}
    try:
        missing, unexpected = network.load_state_dict(state, strict=False)
    except RuntimeError as problem:
        reason = str(problem).splitlines()[-1].strip()
        raise BenchError(f"weights {weights} do not fit this encoder: {reason}") from None
    missing = [name for name in missing if not name.startswith(classifier)]
    if missing or unexpected:
        first = (missing or unexpected)[0]
        raise BenchError(
            f"weights {weights} do not fit this encoder: {len(missing)} parameters missing, {len(unexpected)} unknown, "
            f"the first is {first}"
        )


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a state dict from a ``.safetensors`` file or a torch file of tensors alone."""
    if not path.is_file():
        raise BenchError(f"no weights file at {path}; --weights takes 'imagenet', 'none' or a file")
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:
        raise BenchError(f"{path} is not a file of tensors that torch can read safely: {problem}") from None
    state = state["state_dict"] if isinstance(state, Mapping) and "state_dict" in state else state
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise BenchError(f"{path} holds no state dict: expected names with tensors")
    return dict(state)


def _from_torchvision(weights_enum: str) -> dict[str, Tensor]:
    entry: Any = getattr(models, weights_enum).IMAGENET1K_V1
    try:
        return entry.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as problem:
        raise BenchError(
            f"could not fetch the ImageNet weights ({problem}). Without a connection, give a file with "
            "--weights FILE, or start from random weights with --weights none"
        ) from problem


def _current_name(name: str) -> str:
    """Name a parameter as networks do today: DenseNet's files still say ``denselayer1.norm.1.weight`` for ``norm1``."""
    for kind in ("norm", "conv"):
        for number in "12":
            name = name.replace(f".{kind}.{number}.", f".{kind}{number}.") if ".denselayer" in name else name
    return name
