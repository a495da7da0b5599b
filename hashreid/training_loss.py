"""HashReID's training loss (section 3.3, equations 5–8)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.losses import batch_hard_triplet
from bench.methods import Options
from bench.networks import ExitOutput


def ranking_regulariser(features: Tensor, codes: Tensor, neighbours: int = 5) -> Tensor:
    """Ranking regulariser (equation 7): similarities of codes (B, L) should equal those of features (B, F).

    Mean squared difference between the two cosine similarities, over every anchor and its ``neighbours`` nearest images
    in the batch by the features. The paper has inner products; without normalisation no single weight fits four code
    lengths. ``features`` are centred: features after a ReLU are all alike in direction, and with *their* similarities
    all codes would become alike.
    """
    features, codes = F.normalize(features), F.normalize(codes)
    original, hashed = features @ features.T, codes @ codes.T
    itself = torch.eye(len(features), dtype=torch.bool, device=features.device)
    neighbours = min(neighbours, len(features) - 1)
    nearest = original.detach().masked_fill(itself, -torch.inf).topk(neighbours, dim=1).indices
    return (original.gather(1, nearest) - hashed.gather(1, nearest)).pow(2).mean()


def hashreid_loss(outputs: Sequence[ExitOutput], labels: Tensor, options: Options) -> dict[str, Tensor]:
    """λ1·triplet + λ2·cross-entropy + λ3·ranking (equation 8): the three terms by name, each summed over the exits."""
    triplet_weight = float(options["triplet_weight"])
    identity_weight = float(options["identity_weight"])
    ranking_weight = float(options["ranking_weight"])
    margin = float(options["margin"])
    terms = {name: labels.new_zeros((), dtype=torch.float32) for name in ("triplet", "identity", "ranking")}
    for output in outputs:
        assert output.logits is not None
        terms["triplet"] = terms["triplet"] + triplet_weight * batch_hard_triplet(output.features, labels, margin)
        terms["identity"] = terms["identity"] + identity_weight * F.cross_entropy(output.logits, labels)
        if ranking_weight:
            terms["ranking"] = terms["ranking"] + ranking_weight * ranking_regulariser(
                output.extras["aligned"], output.embedding
            )
    return terms
