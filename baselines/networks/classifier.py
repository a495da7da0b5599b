"""The classifier over training identities that exits without one of their own paper's get."""

from __future__ import annotations

from torch import Tensor, nn


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
