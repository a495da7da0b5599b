"""Embeddings of length 1, which HAN, CDNet, BoT, PCB, BiRe-ID and ABC share."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def unit_length(features: Tensor, dim: int = 1) -> Tensor:
    """Scale features to length 1 along ``dim``, in float32.

    A processor's autocast leaves a norm in bfloat16, whose rounding makes lengths up to half a per cent wrong.
    """
    return F.normalize(features.float(), dim=dim)
