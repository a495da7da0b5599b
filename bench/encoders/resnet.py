"""ResNets as encoders: torchvision's, with its weights, and narrow ones for two cores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor, nn
from torchvision import models
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from bench.encoders.encoder import Encoder, EncoderFamily
from bench.encoders.weights import FAST_REID, fill_encoder, read_state_dict
from bench.errors import BenchError

RESNETS: dict[str, tuple[Callable[..., ResNet], str]] = {
    "resnet18": (models.resnet18, "ResNet18_Weights"),
    "resnet34": (models.resnet34, "ResNet34_Weights"),
    "resnet50": (models.resnet50, "ResNet50_Weights"),
    "resnet101": (models.resnet101, "ResNet101_Weights"),
}
NARROW_RESNETS: dict[str, tuple[type[BasicBlock | Bottleneck], int, tuple[int, int, int, int]]] = {
    "resnet50-half": (Bottleneck, 32, (3, 4, 6, 3)),
    "resnet34-half": (BasicBlock, 32, (3, 4, 6, 3)),
    "resnet18-half": (BasicBlock, 32, (2, 2, 2, 2)),
    "resnet14-half": (BasicBlock, 32, (2, 2, 1, 1)),
    "resnet10-half": (BasicBlock, 32, (1, 1, 1, 1)),
    "resnet10-quarter": (BasicBlock, 16, (1, 1, 1, 1)),
}
"""Encoders for two cores: kind of block, width of the stem, blocks of each stage."""


CEIL = "-ceil"
"""Ending of the names of ResNets whose stem pools without padding, rounding up, as fast-reid's do."""


def resnet(name: str, *, weights: str) -> Encoder:
    """Build a ResNet; a bottleneck that halves its maps has its stride on the 3×3 convolution, as in torchvision.

    Raises :class:`BenchError` for weights that do not fit or do not exist.
    """
    plain = name.removesuffix(CEIL)
    if plain in RESNETS:
        constructor, weights_enum = RESNETS[plain]
        whole = constructor(weights=None)
        if name != plain:
            whole.maxpool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        if name == plain and weights not in ("none", "imagenet"):
            refuse_other_pooling(read_state_dict(Path(weights)), weights, name)
        fill_encoder(whole, weights, weights_enum, classifier="fc.")
        width = int(whole.fc.in_features)
        stem = nn.Sequential(whole.conv1, whole.bn1, whole.relu, whole.maxpool)
        stages = (whole.layer1, whole.layer2, whole.layer3, whole.layer4)
        return Encoder(stem, stages, (width // 8, width // 4, width // 2, width))
    if weights != "none":
        raise BenchError(f"encoder {name} has no pretrained weights: use --weights none, or a ResNet of full width")
    return _narrow_resnet(*NARROW_RESNETS[name])


def _narrow_resnet(block: type[BasicBlock | Bottleneck], width: int, blocks: tuple[int, int, int, int]) -> Encoder:
    """Build a ResNet whose stem has ``width`` channels; a block's inner width starts there and doubles at every stage.

    A basic block gives its inner width, a bottleneck four times that.
    """

    def stage(entering: int, inner: int, stride: int, count: int) -> nn.Sequential:
        leaving = inner * block.expansion
        shortcut: nn.Module | None = None
        if stride != 1 or entering != leaving:
            shortcut = nn.Sequential(
                nn.Conv2d(entering, leaving, 1, stride=stride, bias=False), nn.BatchNorm2d(leaving)
            )
        first = block(entering, inner, stride, shortcut)
        return nn.Sequential(first, *(block(leaving, inner) for _ in range(count - 1)))

    stem = nn.Sequential(
        nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, stride=2, padding=1),
    )
    first, second, third, fourth = (width * block.expansion * factor for factor in (1, 2, 4, 8))
    stages = (
        stage(width, width, 1, blocks[0]),
        stage(first, 2 * width, 2, blocks[1]),
        stage(second, 4 * width, 2, blocks[2]),
        stage(third, 8 * width, 2, blocks[3]),
    )
    for part in (stem, *stages):
        for module in part.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return Encoder(stem, stages, (first, second, third, fourth))


def refuse_other_pooling(state: Mapping[str, Tensor], weights: str, name: str) -> None:
    """Raise :class:`BenchError` where a checkpoint is fast-reid's, whose stem pools otherwise than this ``name``'s."""
    if any(key.startswith(FAST_REID) for key in state):
        raise BenchError(
            f"weights {weights} are a checkpoint of fast-reid, whose ResNets pool without padding; {name} pools with "
            f"it, and would give other numbers: --backbone {name}{CEIL}"
        )


FAMILY = EncoderFamily(resnet, names=(*RESNETS, *(name + CEIL for name in RESNETS), *NARROW_RESNETS))
