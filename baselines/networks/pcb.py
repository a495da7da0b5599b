"""PCB (Sun et al., ECCV 2018): the last maps of a ResNet in horizontal stripes, each classified on its own.

With refined part pooling, a part is no stripe: each place of the maps is assigned to all parts, by a softmax over them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.networks.length import unit_length
from bench.encoders.encoder import Encoder
from bench.errors import BenchError, unknown_name
from bench.networks import ExitOutput, ExitSpec, MultiExitNetwork

EMBEDDINGS = ("g", "h")
"""The stripes as they are pooled (the paper's G, its default in tests), or after the reduction (H)."""


class Stripes(nn.Module):
    """Maps (B, C, H, W) → stripes (B, C, stripes) by averaging, and their reduction to (B, dim, stripes).

    The reduction is one 1×1 convolution for all stripes, batch norm and ReLU, as in the authors' code. Rows that the
    stripes do not divide are shared by neighbours.
    """

    def __init__(self, channels: int, stripes: int, dim: int) -> None:
        super().__init__()
        self.stripes = stripes
        self.dropout = nn.Dropout(0.5)
        self.reduce = nn.Conv2d(channels, dim, 1, bias=False)
        self.norm = nn.BatchNorm2d(dim)
        nn.init.kaiming_normal_(self.reduce.weight, mode="fan_out", nonlinearity="relu")

    def pool(self, maps: Tensor) -> Tensor:
        """Average maps (B, C, H, W) over each stripe: (B, C, stripes, 1)."""
        return F.adaptive_avg_pool2d(maps, (self.stripes, 1))

    def forward(self, pooled: Tensor) -> Tensor:
        """Reduce pooled stripes (B, C, stripes, 1) to (B, dim, stripes, 1); half of them is dropped in training."""
        return F.relu(self.norm(self.reduce(self.dropout(pooled))))


class RefinedStripes(Stripes):
    """Stripes whose pooling is refined (section 3.3): maps (B, C, H, W) → parts (B, C, stripes, 1).

    A linear layer and a softmax say how far each place belongs to each part. The pooled part is the mean over all
    places, weighted so, times the number of parts, as in the authors' code: places that belong to one part alone, as
    many to each, give the means of those places. The buffer ``refined`` is 1, or 0 while the parts are still stripes.
    """

    refined: Tensor

    def __init__(self, channels: int, stripes: int, dim: int) -> None:
        super().__init__(channels, stripes, dim)
        self.assign = nn.Conv2d(channels, stripes, 1)
        nn.init.kaiming_normal_(self.assign.weight, mode="fan_out")
        assert self.assign.bias is not None
        nn.init.zeros_(self.assign.bias)
        self.register_buffer("refined", torch.ones(()))

    def pool(self, maps: Tensor) -> Tensor:
        """Average maps (B, C, H, W) over each part: (B, C, stripes, 1)."""
        shares = self.assign(maps).softmax(dim=1).flatten(2)
        parts = maps.flatten(2) @ shares.transpose(1, 2) * (self.stripes / shares.shape[2])
        return self.refined * parts[..., None] + (1 - self.refined) * super().pool(maps)


class PartNetwork(MultiExitNetwork):
    """A four-stage encoder whose one exit is the concatenation of all stripes, each normalised to length 1.

    ``embedding`` ``g`` are the pooled stripes: the reduction is then no part of inference. ``h`` are the reduced ones.
    Logits are extras, one for each stripe. With ``refine_from`` below 1 pooling is refined, by the paper's induced
    training (algorithm 1): that share of training has stripes; in the first half of what is left the assignment alone
    is learned, and in the second half everything. Raises :class:`bench.errors.BenchError` for another embedding, or a
    share that is not above 0 and at most 1.
    """

    def __init__(
        self,
        encoder: Encoder,
        num_identities: int,
        *,
        stripes: int,
        dim: int,
        embedding: str,
        refine_from: float = 1.0,
    ) -> None:
        super().__init__()
        if embedding not in EMBEDDINGS:
            raise unknown_name("embedding", embedding, EMBEDDINGS)
        if not 0 < refine_from <= 1:
            raise BenchError(
                f"refine_from is the share of training before pooling is refined, above 0 and at most 1 (not refined), "
                f"not {refine_from:g}"
            )
        self.refine_from = refine_from
        self.stem = encoder.stem
        self.stages = nn.ModuleList(encoder.stages)
        width = encoder.widths[-1]
        kind = RefinedStripes if refine_from < 1 else Stripes
        self.heads = nn.ModuleList([kind(width, stripes, dim)])
        classifiers = [nn.Linear(dim, num_identities) for _ in range(stripes)]
        for classifier in classifiers:
            nn.init.normal_(classifier.weight, std=0.001)
            nn.init.zeros_(classifier.bias)
        self.classifiers = nn.ModuleList(classifiers)
        self.reduced = embedding == "h"
        self.exits = (ExitSpec("exit 4", stripes * (dim if self.reduced else width), "continuous"),)

    def anneal(self, progress: float) -> None:
        """Follow the induced training, where pooling is refined."""
        head = self.heads[0]
        if not isinstance(head, RefinedStripes):
            return
        refined = progress > self.refine_from
        alone = refined and progress <= (1 + self.refine_from) / 2
        head.refined.fill_(float(refined))
        for parameter in self.parameters():
            parameter.requires_grad_(not alone)
        head.assign.requires_grad_(refined)

    @property
    def anneals(self) -> bool:
        """Whether pooling is refined."""
        return isinstance(self.heads[0], RefinedStripes)

    def start(self, images: Tensor) -> Tensor:
        """Run the stem on images (B, 3, H, W)."""
        return self.stem(images)

    def step(self, state: Tensor, exit_index: int) -> tuple[tuple[()], Tensor]:
        """Run all stages and pool the stripes."""
        pooled = self._pooled(state)
        return (), _concatenated(self.heads[exit_index](pooled) if self.reduced else pooled)

    def _pooled(self, maps: Tensor) -> Tensor:
        for stage in self.stages:
            maps = stage(maps)
        head = self.heads[0]
        assert isinstance(head, Stripes)
        return head.pool(maps)

    def first_features(self, state: tuple[()], embedding: Tensor) -> Tensor:
        """The embedding (B, dim)."""
        return embedding

    def outputs(self, images: Tensor, num_exits: int | None = None) -> list[ExitOutput]:
        """Output for training, with the extras ``logits N`` (B, identities) of every stripe."""
        pooled = self._pooled(self.start(images))
        reduced = self.heads[0](pooled)
        embedding = _concatenated(reduced if self.reduced else pooled)
        logits = {
            f"logits {number}": classifier(stripe)
            for number, (classifier, stripe) in enumerate(
                zip(self.classifiers, reduced.flatten(2).unbind(2), strict=True), start=1
            )
        }
        return [ExitOutput(embedding, embedding, None, logits)]


def _concatenated(stripes: Tensor) -> Tensor:
    """Stripes (B, C, stripes, 1) → (B, stripes × C), top stripe first, each of length 1."""
    return unit_length(stripes.flatten(2).transpose(1, 2), dim=2).flatten(1)
