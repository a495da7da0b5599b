"""Losses of the baselines: sums over the exits. No torch at the top: listing methods loads this module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.methods import MARGINS, WEIGHTS, Options

if TYPE_CHECKING:
    from torch import Tensor

    from bench.networks import ExitOutput

CLASSIFICATION_AND_TRIPLET = {"identity_weight": 1.0, "triplet_weight": 1.0, "margin": 0.3}
"""Options of :func:`classification_and_triplet`: the usual losses of re-identification (Luo et al. 2019)."""
RANGES = {"identity_weight": WEIGHTS, "triplet_weight": WEIGHTS, "margin": MARGINS}
"""Of these options."""


def classification_and_triplet(outputs: Sequence[ExitOutput], labels: Tensor, options: Options) -> dict[str, Tensor]:
    """Cross-entropy and batch-hard triplet loss, each summed over the exits and times its weight.

    The weights are the options ``identity_weight`` and ``triplet_weight``. The networks' own papers train classifiers:
    with ``triplet_weight`` 0 their cross-entropy is the only loss. Raises :class:`BenchError` where both weights are 0.
    """
    import torch.nn.functional as F

    from bench.losses import batch_hard_triplet

    identity_weight, triplet_weight = float(options["identity_weight"]), float(options["triplet_weight"])
    if not identity_weight and not triplet_weight:
        raise BenchError("identity_weight and triplet_weight are both 0: nothing is left to learn from")
    terms: dict[str, Tensor] = {}
    if identity_weight:
        losses = [F.cross_entropy(_logits(output), labels) for output in outputs]
        terms["identity"] = identity_weight * sum(losses[1:], losses[0])
    if triplet_weight:
        margin = float(options["margin"])
        losses = [batch_hard_triplet(output.embedding, labels, margin) for output in outputs]
        terms["triplet"] = triplet_weight * sum(losses[1:], losses[0])
    return terms


def soft_margin_triplets(outputs: Sequence[ExitOutput], labels: Tensor, options: Options) -> dict[str, Tensor]:
    """DaRe's loss: soft-margin batch-hard triplets on every stage's embedding and on the fusion, weight 1 each.

    Without the option ``deep_supervision``, on the fusion alone (section 5.2, Figure 4). DaRe, equation 2, with a mean
    over the anchors, as in the official code; the equation has a sum.
    """
    from bench.losses import batch_hard_triplet

    *early, last = outputs
    terms: dict[str, Tensor] = {}
    if options["deep_supervision"]:
        # The embedding of the last stage is no exit: it is the one extra of the last output.
        stages = [output.embedding for output in early] + [*last.extras.values()]
        losses = [batch_hard_triplet(embedding, labels, None) for embedding in stages]
        terms["stages"] = sum(losses[1:], losses[0])
    return terms | {"fusion": batch_hard_triplet(last.embedding, labels, None)}


def _logits(output: ExitOutput) -> Tensor:
    assert output.logits is not None
    return output.logits
