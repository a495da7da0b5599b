"""HashReID's training loss (section 3.3, equations 5–8), in the readings that :mod:`hashreid.readings` names."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.losses import batch_hard_triplet
from bench.methods import Options
from bench.networks import ExitOutput


def ranking_regulariser(
    features: Tensor, codes: Tensor, neighbours: int = 5, *, product: str = "cosine", detached: bool = False
) -> Tensor:
    """Ranking regulariser (equation 7): similarities of codes (B, L) should equal those of features (B, F).

    Mean squared difference over every anchor and its ``neighbours`` nearest images in the batch by the features. The
    features' similarity is their cosine: the paper has inner products, whose scale no single weight fits. ``features``
    are centred: features after a ReLU are all alike in direction, and with *their* similarities all codes would become
    alike. ``detached`` holds them fixed, so that the term moves the codes alone.

    The codes' similarity is their ``product``: ``cosine``, or ``ksh`` for b·bᵀ/L as in kernel-based supervised hashing
    (Liu et al., CVPR 2012), which the paper cites here. Under a cosine the codes' magnitude drops out;
    under KSH codes far from ±1 have small products, and the term pushes them outwards.
    """
    # Gradients that meet are added in the order of these operations. In another one, runs end in other numbers.
    features = F.normalize(features)
    if product == "cosine":
        codes = F.normalize(codes)
    if detached:
        features = features.detach()
    original, hashed = features @ features.T, codes @ codes.T
    if product == "ksh":
        hashed = hashed / codes.shape[1]
    itself = torch.eye(len(features), dtype=torch.bool, device=features.device)
    neighbours = min(neighbours, len(features) - 1)
    nearest = original.detach().masked_fill(itself, -torch.inf).topk(neighbours, dim=1).indices
    return (original.gather(1, nearest) - hashed.gather(1, nearest)).pow(2).mean()


def quantisation(codes: Tensor) -> Tensor:
    """Quantisation term: mean of (1 − |b|)² over codes (B, L); zero where every place is ±1. Not in the paper.

    It is the usual relaxation of binary codes (Gong and Lazebnik, CVPR 2011: the squared distance to the signs).
    """
    return (1 - codes.abs()).pow(2).mean()


def hashreid_loss(outputs: Sequence[ExitOutput], labels: Tensor, options: Options) -> dict[str, Tensor]:
    """λ1·triplet + λ2·cross-entropy + λ3·ranking (equation 8): the terms by name, each summed over the exits.

    With ``quantisation_weight`` above 0 there is a fourth. ``feat_ori`` says which features the triplets and the
    ranking regulariser take for the original ones at exits whose head has layers between features and code.
    """
    triplet_weight = float(options["triplet_weight"])
    identity_weight = float(options["identity_weight"])
    ranking_weight = float(options["ranking_weight"]) if options["ranking"] != "none" else 0.0
    quantisation_weight = float(options["quantisation_weight"])
    before_sign = options["feat_ori"] == "before-sign"
    names = ["triplet", "identity", "ranking"] + (["quantisation"] if quantisation_weight else [])
    terms = {name: labels.new_zeros((), dtype=torch.float32) for name in names}
    for output in outputs:
        assert output.logits is not None
        # Exits that binarise their features directly have nothing between the two.
        original = output.extras.get("before_sign") if before_sign else None
        terms["triplet"] = terms["triplet"] + triplet_weight * batch_hard_triplet(
            output.features if original is None else original,
            labels,
            float(options["margin"]),
            "sum" if options["triplet_anchors"] == "sum" else "mean",
        )
        terms["identity"] = terms["identity"] + identity_weight * F.cross_entropy(output.logits, labels)
        if ranking_weight:
            terms["ranking"] = terms["ranking"] + ranking_weight * ranking_regulariser(
                output.extras["aligned"] if original is None else original,
                output.embedding,
                product=str(options["ranking"]),
                detached=bool(options["ranking_detached"]),
            )
        if quantisation_weight:
            terms["quantisation"] = terms["quantisation"] + quantisation_weight * quantisation(output.embedding)
    return terms
