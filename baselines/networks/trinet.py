"""TriNet (Hermans et al., 2017), a ResNet with two layers on its pooled maps; and several, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from bench.encoders.encoder import Encoder
from bench.networks import ExitOutput, ExitSpec, MultiExitNetwork


class Embedding(nn.Module):
    """Maps (B, C, H, W) → embedding (B, dim): global mean, FC_hidden–BN–ReLU–FC_dim, the last of orthogonal weights."""

    def __init__(self, channels: int, hidden: int, dim: int) -> None:
        super().__init__()
        last = nn.Linear(hidden, dim)
        nn.init.orthogonal_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(nn.Linear(channels, hidden), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True), last)

    def forward(self, maps: Tensor) -> Tensor:
        """Embed maps (B, C, H, W)."""
        return self.layers(maps.mean(dim=(2, 3)))


class TriNets(MultiExitNetwork):
    """TriNets on several encoders, run one after the other on the same image: the last that has finished answers.

    With one encoder it is TriNet itself. With several it is the ensemble that DaRe compares with (section 5.3.1): every
    exit starts again from the image, which is all that the state holds. The networks share nothing, so that the sum of
    their losses trains each as if it were alone.
    """

    def __init__(self, encoders: Sequence[Encoder], *, hidden: int, dim: int) -> None:
        super().__init__()
        self.trunks = nn.ModuleList(nn.Sequential(encoder.stem, *encoder.stages) for encoder in encoders)
        self.heads = nn.ModuleList(Embedding(encoder.widths[-1], hidden, dim) for encoder in encoders)
        names = ["exit 4"] if len(encoders) == 1 else [f"exit {number + 1}" for number in range(len(encoders))]
        self.exits = tuple(ExitSpec(name, dim, "continuous") for name in names)

    def start(self, images: Tensor) -> Tensor:
        """Hand on the images (B, 3, H, W)."""
        return images

    def step(self, state: Tensor, exit_index: int) -> tuple[Tensor | tuple[()], Tensor]:
        """Run one network on the images from its stem on."""
        embedding = self.heads[exit_index](self.trunks[exit_index](state))
        return (() if exit_index == len(self.exits) - 1 else state), embedding

    def first_features(self, state: Tensor, embedding: Tensor) -> Tensor:
        """The embedding (B, dim) of the first network, as the loss is on embeddings."""
        return embedding

    def outputs(self, images: Tensor, num_exits: int | None = None) -> list[ExitOutput]:
        """Outputs of the first ``num_exits`` networks (all by default), for training."""
        return [ExitOutput(embedding, embedding) for embedding in self.embed(images, num_exits)]
