"""Pretrained weights of networks, from torchvision's store or from a file."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import torch
from torch import Tensor, nn
from torchvision import models

from bench.errors import BenchError

SAFETENSORS = ".safetensors"
DATA_PARALLEL = "module."
"""Prefix of every name in a checkpoint of torch's data-parallel training."""
HOLDERS = ("state_dict", "model")
"""Where checkpoints hold the state dict beside other things: torchreid's, and fast-reid's."""
CLASSIFIER = "classifier."
"""Prefix of torchreid's layer over identities."""
NUMPY_CORES = ("numpy.core", "numpy._core")
NUMBERS: list[Any] = [
    np.dtype,
    np.dtypes.Float32DType,
    np.dtypes.Float64DType,
    *((np.float32(0).__reduce__()[0], f"{home}.multiarray.scalar") for home in NUMPY_CORES),
]
"""What a number of NumPy needs to be read, which runs nothing: torchreid keeps the rank-1 of a checkpoint as one."""
FAST_REID, STRONG_BASELINE = "backbone.", "base."
"""Prefix of the trunk in checkpoints of JDAI-CV/fast-reid and michuanhaohao/reid-strong-baseline."""


def fill_encoder(network: nn.Module, weights: str, weights_enum: str, classifier: str) -> None:
    """Fill a torchvision network from ``imagenet``, a ``.pth``/``.safetensors`` file, or nothing (``none``).

    ``weights_enum`` names torchvision's enumeration of its weights. ``classifier`` is the prefix of the layer over
    ImageNet's classes: it is no part of an encoder, and may be missing or of another width. Of checkpoints of
    re-identification (torchreid, fast-reid, reid-strong-baseline) the trunk is taken. Raises :class:`BenchError`
    where the file cannot be read or does not fit, or ImageNet weights cannot be fetched.
    """
    if weights == "none":
        return
    state = _from_torchvision(weights_enum) if weights == "imagenet" else read_state_dict(Path(weights))
    state = {_current_name(name): value for name, value in state.items()}
    state = _trunk(state)
    state = {name: value for name, value in state.items() if not name.startswith((classifier, CLASSIFIER))}
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


def _trunk(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give what is under the prefix of a trunk, where there is such a prefix."""
    for prefix in (FAST_REID, STRONG_BASELINE):
        inside = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        if inside:
            return inside
    return state


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a state dict from a ``.safetensors`` file or a torch file of tensors alone.

    The prefix ``module.``, which data-parallel training puts before every name, is removed. A torch file keeps the
    order in which its tensors were saved; a ``.safetensors`` file has none of its own. Raises :class:`BenchError` for a
    file that is missing or damaged, holds a pickled model or no state dict, or has values that are not finite.
    """
    if not path.is_file():
        raise BenchError(f"no weights file at {path}; --weights takes 'imagenet', 'none' or a file")
    state = _read_safetensors(path) if path.suffix == SAFETENSORS else _read_torch(path)
    if all(name.startswith(DATA_PARALLEL) for name in state):
        state = {name.removeprefix(DATA_PARALLEL): value for name, value in state.items()}
    for name, value in state.items():
        if not value.isfinite().all():
            raise BenchError(
                f"{path}: {name} has values that are not finite (NaN or infinite); take an earlier checkpoint"
            )
    return state


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as problem:
        raise BenchError(f"{path} is damaged or no safetensors file ({problem}); copy it again") from None


def _read_torch(path: Path) -> dict[str, Tensor]:
    try:
        with torch.serialization.safe_globals(NUMBERS):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise BenchError(
            f"{path} is not a file of tensors that torch can read safely: it is damaged, or holds a pickled model or "
            "other objects, which could run code. Save the state dict alone: torch.save(model.state_dict(), FILE)"
        ) from None
    except Exception as problem:  # damaged archives make torch raise errors of many types
        reason = (str(problem) or type(problem).__name__).splitlines()[0]
        raise BenchError(f"{path} is not a file of tensors that torch can read safely: {reason}") from None
    for holder in HOLDERS:
        if isinstance(state, Mapping) and isinstance(state.get(holder), Mapping):
            state = state[holder]
            break
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
    """Current name of a parameter: DenseNet's files still have ``denselayer1.norm.1.weight`` for ``norm1``."""
    for kind in ("norm", "conv"):
        for number in "12":
            name = name.replace(f".{kind}.{number}.", f".{kind}{number}.") if ".denselayer" in name else name
    return name
