"""BiRe-ID (Xu et al., ACM TOMM 2022): a binary ResNet-18 whose kernels and features adversaries refine.

The full text could not be read. What is followed is its abstract and the account of the method in Xu et al., "Binary
Neural Networks" (2023), section 6.2: blocks, learned scales, the losses of KR-GAL and FR-GAL. The sizes of the
discriminators and where they read are this suite's.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.networks.adversary import Adversary
from baselines.networks.binary import BinaryConvolution
from baselines.networks.length import unit_length
from baselines.networks.lite import ConvNorm
from bench.errors import BenchError
from bench.networks import ExitOutput, ExitSpec, MultiExitNetwork


class BinaryUnit(nn.Module):
    """Batch norm, signs, binary convolution, batch norm."""

    def __init__(self, entering: int, leaving: int, kernel: int, stride: int, *, learned_scale: bool) -> None:
        super().__init__()
        self.before = nn.BatchNorm2d(entering)
        self.convolution = BinaryConvolution(entering, leaving, kernel, stride, learned_scale=learned_scale)
        self.after = nn.BatchNorm2d(leaving)

    def forward(self, maps: Tensor) -> Tensor:
        """Convolve maps (B, C, H, W)."""
        return self.after(self.convolution(self.before(maps)))


class BinaryBlock(nn.Module):
    """A basic block of two binary 3×3 units, PReLU after each; a shortcut that changes the shape is binary too."""

    def __init__(self, entering: int, leaving: int, stride: int, *, learned_scale: bool) -> None:
        super().__init__()
        self.first = BinaryUnit(entering, leaving, 3, stride, learned_scale=learned_scale)
        self.between = nn.PReLU(leaving)
        self.second = BinaryUnit(leaving, leaving, 3, 1, learned_scale=learned_scale)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or entering != leaving:
            self.shortcut = BinaryUnit(entering, leaving, 1, stride, learned_scale=learned_scale)
        self.end = nn.PReLU(leaving)

    def forward(self, maps: Tensor) -> Tensor:
        """Run the block on maps (B, C, H, W)."""
        return self.end(self.second(self.between(self.first(maps))) + self.shortcut(maps))


class KernelRefinement(nn.Module):
    """KR-GAL: an adversary for each binary convolution, which tells its real filters from their reconstructions."""

    def __init__(self, convolutions: Sequence[BinaryConvolution], hidden: int) -> None:
        super().__init__()
        self.adversaries = nn.ModuleList(Adversary(layer.weight[0].numel(), hidden) for layer in convolutions)

    def forward(self, convolutions: Sequence[BinaryConvolution]) -> tuple[Tensor, Tensor]:
        """Give the adversaries' loss, and half the squared distance of all filters from their reconstructions."""
        adversarial, distance = [], []
        for adversary, layer in zip(self.adversaries, convolutions, strict=True):
            real, made = layer.weight.flatten(1).float(), layer.reconstruction()
            adversarial.append(adversary(real, made))
            distance.append(0.5 * (real - made).pow(2).sum())
        return torch.stack(adversarial).mean(), torch.stack(distance).sum()


class FeatureRefinement(nn.Module):
    """FR-GAL: low-level maps are drawn to high-level ones, projected by a 1×1 convolution and enlarged.

    The high-level side gets no gradient. The adversary reads the means over places of both.
    """

    def __init__(self, low: int, high: int, hidden: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(high, low, 1, bias=False)
        self.adversary = Adversary(low, hidden)

    def forward(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Give the adversary's loss, and half the squared distance of the maps, averaged over the batch."""
        target = F.interpolate(self.project(high.detach()), size=low.shape[2:], mode="nearest")
        adversarial = self.adversary(target.mean(dim=(2, 3)), low.mean(dim=(2, 3)))
        return adversarial, 0.5 * (low.float() - target.float()).pow(2).mean(dim=0).sum()


class BiReID(MultiExitNetwork):
    """A binary ResNet-18 with one exit: the means of its last maps, normalised to length 1.

    The first convolution and the classifier are real; all others multiply signs. ``width`` are the channels of the
    first stage. ``learned_scale`` off is XNOR-Net's scale. ``kernels`` adds KR-GAL, ``features`` FR-GAL after the first
    two stages, each with adversaries of ``hidden`` units; they run in training alone. The first ``real_share`` of
    training has real weights and activations, and binarises what it arrives at (two steps, as is usual for binary
    networks: Martinez et al., ICLR 2020). Raises :class:`bench.errors.BenchError` for a share that is not from 0 to 1.
    """

    def __init__(
        self,
        num_identities: int,
        *,
        width: int,
        blocks: Sequence[int],
        hidden: int,
        learned_scale: bool,
        kernels: bool,
        features: bool,
        real_share: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= real_share < 1:
            raise BenchError(f"real_share is a share of training, from 0 to less than 1, not {real_share:g}")
        self.real_share = real_share
        widths = [width * 2**stage for stage in range(4)]
        self.stem = nn.Sequential(ConvNorm(3, width, 7, stride=2), nn.MaxPool2d(3, stride=2, padding=1))
        self.stages = nn.ModuleList()
        entering = width
        for stage, (leaving, count) in enumerate(zip(widths, blocks, strict=True)):
            layers = []
            for number in range(count):
                stride = 2 if stage and not number else 1
                layers.append(BinaryBlock(entering, leaving, stride, learned_scale=learned_scale))
                entering = leaving
            self.stages.append(nn.Sequential(*layers))
        self.heads = nn.ModuleList([nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())])
        self.classifier = nn.Linear(entering, num_identities)
        self.kernels = KernelRefinement(self.binary_convolutions(), hidden) if kernels else None
        self.features = nn.ModuleList(
            FeatureRefinement(low, entering, hidden) for low in (widths[:2] if features else ())
        )
        self.exits = (ExitSpec("exit 4", entering, "continuous"),)

    def binary_convolutions(self) -> list[BinaryConvolution]:
        """List the binary convolutions."""
        return [module for module in self.stages.modules() if isinstance(module, BinaryConvolution)]

    def anneal(self, progress: float) -> None:
        """Binarise when the share of training with real weights and activations is over."""
        for layer in self.binary_convolutions():
            layer.real = progress <= self.real_share

    @property
    def anneals(self) -> bool:
        """Whether any of training is real."""
        return self.real_share > 0

    def start(self, images: Tensor) -> Tensor:
        """Run the stem on images (B, 3, H, W)."""
        return self.stem(images)

    def step(self, state: Tensor, exit_index: int) -> tuple[Tensor, Tensor]:
        """Run all stages; the state that is left is the pooled features (B, F)."""
        features = self.heads[exit_index](self._maps(state)[-1])
        return features, unit_length(features)

    def _maps(self, maps: Tensor) -> list[Tensor]:
        """Maps after each stage."""
        found = []
        for stage in self.stages:
            maps = stage(maps)
            found.append(maps)
        return found

    def first_features(self, state: Tensor, embedding: Tensor) -> Tensor:
        """Pooled features (B, F)."""
        return state

    def outputs(self, images: Tensor, num_exits: int | None = None) -> list[ExitOutput]:
        """Output for training; while it trains, the extras have the refinements' losses, each a single number."""
        maps = self._maps(self.start(images))
        pooled = self.heads[0](maps[-1])
        extras = {"logits": self.classifier(pooled)}
        if self.training and self.kernels is not None:
            adversarial, distance = self.kernels(self.binary_convolutions())
            extras |= {"kernels adversarial": adversarial, "kernels distance": distance}
        if self.training and len(self.features):
            found = [refine(low, maps[-1]) for refine, low in zip(self.features, maps, strict=False)]
            extras["maps adversarial"] = torch.stack([adversarial for adversarial, _ in found]).mean()
            extras["maps distance"] = torch.stack([distance for _, distance in found]).mean()
        return [ExitOutput(pooled, unit_length(pooled), None, extras)]
