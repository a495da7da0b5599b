"""Losses that several methods share."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor


def batch_hard_triplet(
    features: Tensor, labels: Tensor, margin: float | Tensor | None, over_anchors: Literal["mean", "sum"] = "mean"
) -> Tensor:
    """Triplet loss of features (B, F): each anchor against its furthest positive and nearest negative.

    Euclidean distance d, the mean or the sum ``over_anchors``: the hinge max(0, d⁺ − d⁻ + ``margin``), or without a
    margin the soft log(1 + exp(d⁺ − d⁻)) (Hermans et al., arXiv 1703.07737: batch hard, soft margin). An image that
    has no positive or no negative in the batch is no anchor; without any the loss is 0.

    Masks of fixed shape take the place of lists of pairs: how long a list is, an accelerator would be waited for.
    """
    distances = torch.cdist(features, features)
    same = labels[:, None] == labels
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    furthest = distances.masked_fill(~same | itself, -torch.inf).max(dim=1).values
    nearest = distances.masked_fill(same, torch.inf).min(dim=1).values
    gaps = furthest - nearest  # minus infinity where there is no such pair: both losses and their gradients are 0
    losses = F.softplus(gaps) if margin is None else F.relu(gaps + margin)
    if over_anchors == "sum":
        return losses.sum()
    return losses.sum() / gaps.isfinite().sum().clamp(min=1)
