"""Exits that are trained with a classifier over the training identities, as BranchyNet's, MSDNet's and RANet's are."""

from __future__ import annotations

from torch import Tensor, nn

from bench.networks import ExitOutput, MultiExitNetwork, State


class IdentityClassifier(nn.Module):
    """Embedding (B, dim) → logits (B, identities): batch norm, not affine, and a linear layer without bias.

    The norm keeps the triplet loss, which shapes distances, from the cross-entropy, which shapes angles (Luo et al.,
    "Bag of tricks", 2019, section 3.5; the scale that theirs learns is the linear layer's here). It is read in training
    and by the entropy rule, never for matching.
    """

    def __init__(self, dim: int, num_identities: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(dim, affine=False)
        self.linear = nn.Linear(dim, num_identities, bias=False)
        # Small, so that no identity starts ahead.
        nn.init.normal_(self.linear.weight, std=0.001)

    def forward(self, embedding: Tensor) -> Tensor:
        """Classify embeddings (B, dim)."""
        return self.linear(self.norm(embedding))


class ClassifyingNetwork(MultiExitNetwork):
    """A network with an :class:`IdentityClassifier` at every exit, whose embeddings are what all losses read."""

    classifiers: nn.ModuleList

    def first_features(self, state: State, embedding: Tensor) -> Tensor:
        """Give the embedding (B, dim): training starts from it."""
        return embedding

    def outputs(self, images: Tensor, num_exits: int | None = None) -> list[ExitOutput]:
        """Run exits for training."""
        return [
            ExitOutput(embedding, embedding, classifier(embedding))
            for embedding, classifier in zip(self.embed(images, num_exits), self.classifiers, strict=False)
        ]

    def classify(self, embedding: Tensor, exit_index: int) -> Tensor:
        """Classify embeddings (B, dim) with the classifier of training."""
        return self.classifiers[exit_index](embedding)
