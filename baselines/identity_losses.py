"""Losses of networks without early exits: identities, triplets and centres. No torch at the top: listing loads this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.methods import MARGINS, WEIGHTS, Options

if TYPE_CHECKING:
    from torch import Tensor

    from bench.networks import ExitOutput

RANGES = {"label_smoothing": (0, 1), "triplet_weight": WEIGHTS, "centre_weight": WEIGHTS, "margin": MARGINS}
"""Of the options of :func:`identity_and_triplet`."""
LOGITS, FEATURES, CENTRES = "logits", "features", "centres"
"""What begins the names of the extras that the loss reads."""


def identity_and_triplet(outputs: Sequence[ExitOutput], labels: Tensor, options: Options) -> dict[str, Tensor]:
    """Cross-entropy of every classifier and batch-hard triplets of the features, each summed over the exits.

    An exit with several classifiers has the extras ``logits …``, one each; with several features that are compared
    apart, ``features …``. The options are ``label_smoothing`` (of the cross-entropy), ``triplet_weight`` (0: none) and
    ``margin``. With the option ``centre_weight`` above 0, features are drawn to the centre of their identity, the extra
    ``centres`` (identities, F): the squared distance, averaged over the batch (Wen et al. 2016, twice equation 2).
    Raises :class:`BenchError` where ``triplet_weight`` or ``centre_weight`` is negative.
    """
    import torch.nn.functional as F

    from bench.losses import batch_hard_triplet

    weights = {name: float(options.get(name, 0)) for name in ("triplet_weight", "centre_weight")}
    for name, weight in weights.items():
        if weight < 0:
            raise BenchError(f"{name} is 0 (none) or more, not {weight:g}")
    smoothing = float(options["label_smoothing"])
    losses = [F.cross_entropy(logits, labels, label_smoothing=smoothing) for logits in _parts(outputs, LOGITS)]
    terms = {"identity": sum(losses[1:], losses[0])}
    if weights["triplet_weight"]:
        margin = float(options["margin"])
        losses = [batch_hard_triplet(features, labels, margin) for features in _parts(outputs, FEATURES)]
        terms["triplet"] = weights["triplet_weight"] * sum(losses[1:], losses[0])
    if weights["centre_weight"]:
        losses = [(output.features - output.extras[CENTRES][labels]).pow(2).sum(1).mean() for output in outputs]
        terms["centre"] = weights["centre_weight"] * sum(losses[1:], losses[0])
    return terms


def soft_margin_triplet(outputs: Sequence[ExitOutput], labels: Tensor, options: Options) -> dict[str, Tensor]:
    """TriNet's loss: soft-margin batch-hard triplets of the embeddings, summed over the exits (Hermans et al. 2017)."""
    from bench.losses import batch_hard_triplet

    losses = [batch_hard_triplet(output.embedding, labels, None) for output in outputs]
    return {"triplet": sum(losses[1:], losses[0])}


def _parts(outputs: Sequence[ExitOutput], kind: str) -> list[Tensor]:
    """Tensors of a kind of all exits: the extras of that kind, or the exit's own where it has none."""
    found: list[Tensor] = []
    for output in outputs:
        named = [tensor for name, tensor in output.extras.items() if name.split()[0] == kind]
        found += named or [getattr(output, kind)]
    return found
