"""Losses that several methods share."""

from __future__ import annotations

from typing import Literal

from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner
from pytorch_metric_learning.reducers import MeanReducer, SumReducer
from torch import Tensor


def batch_hard_triplet(
    features: Tensor, labels: Tensor, margin: float | None, over_anchors: Literal["mean", "sum"] = "mean"
) -> Tensor:
    """Triplet loss of features (B, F): each anchor against its furthest positive and nearest negative.

    Euclidean distance d, the mean or the sum ``over_anchors``: the hinge max(0, d⁺ − d⁻ + ``margin``), or without a
    margin the soft log(1 + exp(d⁺ − d⁻)) (Hermans et al., arXiv 1703.07737: batch hard, soft margin).
    """
    distance = LpDistance(normalize_embeddings=False)
    triplets = BatchHardMiner(distance=distance)(features, labels)
    hinge = {"margin": 0.0, "smooth_loss": True} if margin is None else {"margin": margin}
    reducer = SumReducer() if over_anchors == "sum" else MeanReducer()
    return TripletMarginLoss(**hinge, distance=distance, reducer=reducer)(features, labels, triplets)
