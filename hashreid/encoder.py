"""Encoders in four stages: what HashReID puts its exits on (equation 1).

The paper uses ResNet-50 and says that any encoder can take its place. An :class:`Encoder` is a stem and four
stages whose outputs halve in size; its widths are all that the rest of the network needs to know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch
from torch import nn
from torchvision import models
from torchvision.models.resnet import BasicBlock, ResNet

from bench.errors import BenchError


@dataclass(frozen=True)
class Encoder:
    """A stem, four stages, and the number of channels (4,) that leave them."""

    stem: nn.Module
    stages: tuple[nn.Module, nn.Module, nn.Module, nn.Module]
    widths: tuple[int, int, int, int]


RESNETS: dict[str, tuple[Callable[..., ResNet], str]] = {
    "resnet18": (models.resnet18, "ResNet18_Weights"),
    "resnet34": (models.resnet34, "ResNet34_Weights"),
    "resnet50": (models.resnet50, "ResNet50_Weights"),
    "resnet101": (models.resnet101, "ResNet101_Weights"),
}
NARROW_RESNETS: dict[str, tuple[int, tuple[int, int, int, int]]] = {
    "resnet14-half": (32, (2, 2, 1, 1)),
    "resnet10-quarter": (16, (1, 1, 1, 1)),
}
"""Small encoders for two cores: width of the first stage, basic blocks of each stage."""
ENCODERS = (*RESNETS, *NARROW_RESNETS)


def build_encoder(name: str, *, last_stride: int = 2, weights: str = "none") -> Encoder:
    """Build an encoder by name.

    ``last_stride`` 1 keeps the fourth stage at the third's resolution (a re-identification habit that doubles the
    fourth stage's cost; the paper keeps 2). ``weights`` is ``none``, ``imagenet``, or the path of a state dict.
    """
    stem: nn.Module
    stages: tuple[nn.Module, ...]
    widths: tuple[int, ...]
    if name in RESNETS:
        constructor, weights_enum = RESNETS[name]
        resnet = constructor(weights=None)
        load_weights(resnet, weights, weights_enum)
        stem = nn.Sequential(resnet.conv1, resnet.bn1, resnet.relu, resnet.maxpool)
        stages = (resnet.layer1, resnet.layer2, resnet.layer3, resnet.layer4)
        widths = tuple(int(resnet.fc.in_features) // factor for factor in (8, 4, 2, 1))
    elif name in NARROW_RESNETS:
        if weights != "none":
            raise BenchError(f"encoder {name} has no pretrained weights: use --weights none, or a ResNet of full width")
        stem, stages, widths = _narrow_resnet(*NARROW_RESNETS[name])
    else:
        raise BenchError(f"unknown encoder {name!r}; known: {', '.join(ENCODERS)}")
    if last_stride == 1:
        for module in stages[3].modules():
            if isinstance(module, nn.Conv2d) and module.stride == (2, 2):
                module.stride = (1, 1)
    elif last_stride != 2:
        raise BenchError(f"last_stride is 1 or 2, not {last_stride}")
    return Encoder(stem, stages, widths)  # type: ignore[arg-type]


def _narrow_resnet(width: int, blocks: tuple[int, ...]) -> tuple[nn.Module, tuple[nn.Module, ...], tuple[int, ...]]:
    """Build a ResNet of basic blocks that starts at ``width`` channels and doubles at every later stage."""

    def stage(entering: int, leaving: int, stride: int, count: int) -> nn.Sequential:
        shortcut: nn.Module | None = None
        if stride != 1 or entering != leaving:
            shortcut = nn.Sequential(
                nn.Conv2d(entering, leaving, 1, stride=stride, bias=False), nn.BatchNorm2d(leaving)
            )
        first = BasicBlock(entering, leaving, stride, shortcut)
        return nn.Sequential(first, *(BasicBlock(leaving, leaving) for _ in range(count - 1)))

    stem = nn.Sequential(
        nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2, padding=1),
    )
    widths = tuple(width * factor for factor in (1, 2, 4, 8))
    stages = tuple(
        stage(entering, leaving, 1 if index == 0 else 2, blocks[index])
        for index, (entering, leaving) in enumerate(zip((width, *widths[:3]), widths, strict=True))
    )
    for part in (stem, *stages):
        for module in part.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return stem, stages, widths


def load_weights(network: nn.Module, weights: str, weights_enum: str) -> None:
    """Fill a torchvision network from ``imagenet``, a ``.pth``/``.safetensors`` file, or nothing (``none``)."""
    if weights == "none":
        return
    if weights == "imagenet":
        entry: Any = getattr(models, weights_enum).IMAGENET1K_V1
        try:
            state = entry.get_state_dict(progress=False, check_hash=True)
        except (URLError, OSError, RuntimeError) as problem:
            raise BenchError(
                f"could not fetch the ImageNet weights ({problem}). Without a connection, give a file with "
                "--weights FILE, or start from random weights with --weights none"
            ) from problem
    else:
        state = read_state_dict(Path(weights))
    # The classifier over ImageNet's classes is not part of the encoder.
    state = {name: value for name, value in state.items() if not name.startswith("fc.")}
    try:
        missing, unexpected = network.load_state_dict(state, strict=False)
    except RuntimeError as problem:
        reason = str(problem).splitlines()[-1].strip()
        raise BenchError(f"weights {weights} do not fit this encoder: {reason}") from None
    missing = [name for name in missing if not name.startswith("fc.")]
    if missing or unexpected:
        first = (missing or unexpected)[0]
        raise BenchError(
            f"weights {weights} do not fit this encoder: {len(missing)} parameters missing, {len(unexpected)} unknown, "
            f"the first is {first}"
        )


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
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
    return state["state_dict"] if isinstance(state, dict) and "state_dict" in state else state
