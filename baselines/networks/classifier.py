"""Exits that are trained with a classifier over the training identities: those of BranchyNet, MSDNet and RANet."""

from __future__ import annotations

from torch import Tensor, nn

from bench.networks import ExitOutput, MultiExitNetwork, State


class IdentityClassifier(nn.Module):
    """Embedding (B, dim) → logits (B, identities): batch norm, not affine, and a linear layer without bias.

    The norm separates the triplet loss, which acts on distances, from the cross-entropy, which acts on angles (Luo et
    al., "Bag of tricks", 2019, section 3.5; theirs learns a scale, which is in the linear layer here). The classifier
    is used in training and by the entropy rule, never for matching.
    """

    def __init__(self, dim: int, num_identities: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(dim, affine=False)
        self.linear = nn.Linear(dim, num_identities, bias=False)
        # Small weights: all identities start with nearly equal logits.
        nn.init.normal_(self.linear.weight, std=0.001)

    def forward(self, embedding: Tensor) -> Tensor:
        """Classify embeddings (B, dim)."""
        return self.linear(self.norm(embedding))


class ClassifyingNetwork(MultiExitNetwork):
    """A network with an :class:`IdentityClassifier` at every exit; all losses are on the embeddings."""

    classifiers: nn.ModuleList

    def first_features(self, state: State, embedding: Tensor) -> Tensor:
        """The embedding (B, dim) of the first exit, as losses are on embeddings here."""
        return embedding

    def outputs(self, images: Tensor, num_exits: int | None = None) -> list[ExitOutput]:
        """Outputs of the first ``num_exits`` exits (all by default), for training."""
        return [
            ExitOutput(embedding, embedding, classifier(embedding))
            for embedding, classifier in zip(self.embed(images, num_exits), self.classifiers, strict=False)
        ]

    def classify(self, embedding: Tensor, exit_index: int) -> Tensor:
        """Logits (B, identities) of embeddings (B, dim) of an exit."""
        return self.classifiers[exit_index](embedding)
