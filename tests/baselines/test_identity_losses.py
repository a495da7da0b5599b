import math

import pytest
import torch
from formulas import triplet_by_formula

from baselines.identity_losses import identity_and_triplet, soft_margin_triplet
from bench.errors import BenchError
from bench.networks import ExitOutput

LABELS = torch.tensor([0, 0, 1, 1])
OPTIONS = {"label_smoothing": 0.1, "triplet_weight": 0.5, "margin": 0.3, "centre_weight": 0.01}


def numbers(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def smoothed(logits, labels, smoothing):
    """Mean over images of −Σ target·log p, by hand: 1 − s on the identity, s spread over all."""
    total = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        log_sum = math.log(sum(map(math.exp, row)))
        shares = [smoothing / len(row) + (1 - smoothing) * (place == label) for place in range(len(row))]
        total -= sum(share * (value - log_sum) for share, value in zip(shares, row, strict=True))
    return total / len(labels)


def test_every_classifier_and_every_feature_has_its_term():
    first = ExitOutput(
        numbers(4, 3, seed=0), numbers(4, 3, seed=1), numbers(4, 5, seed=2), {"centres": numbers(5, 3, seed=9)}
    )
    extras = {"logits 1": numbers(4, 5, seed=3), "logits 2": numbers(4, 5, seed=4)}
    extras |= {
        "features 1": numbers(4, 2, seed=5),
        "features 2": numbers(4, 6, seed=6),
        "centres": numbers(5, 3, seed=9),
    }
    second = ExitOutput(numbers(4, 3, seed=7), numbers(4, 3, seed=8), None, extras)
    terms = identity_and_triplet([first, second], LABELS, OPTIONS)
    logits = (first.logits, extras["logits 1"], extras["logits 2"])
    assert terms["identity"].item() == pytest.approx(sum(smoothed(part, LABELS, 0.1) for part in logits), rel=1e-5)
    features = (first.features, extras["features 1"], extras["features 2"])
    by_hand = sum(triplet_by_formula(part.tolist(), LABELS.tolist(), 0.3) for part in features)
    assert terms["triplet"].item() == pytest.approx(0.5 * by_hand, rel=1e-5)
    squares = [
        sum((value - centre) ** 2 for value, centre in zip(row, extras["centres"][label].tolist(), strict=True))
        for output in (first, second)
        for row, label in zip(output.features.tolist(), LABELS.tolist(), strict=True)
    ]
    assert terms["centre"].item() == pytest.approx(0.01 * sum(squares) / 4, rel=1e-5)


def test_a_weight_of_nothing_leaves_its_term_out():
    output = ExitOutput(numbers(4, 3, seed=0), numbers(4, 3, seed=1), numbers(4, 5, seed=2))
    terms = identity_and_triplet([output], LABELS, {"label_smoothing": 0.0, "triplet_weight": 0.0})
    assert set(terms) == {"identity"}
    assert terms["identity"].item() == pytest.approx(smoothed(output.logits, LABELS, 0.0), rel=1e-5)
    with pytest.raises(BenchError, match="triplet_weight is 0"):
        identity_and_triplet([output], LABELS, {**OPTIONS, "triplet_weight": -1.0})


def test_soft_margin_triplets_of_every_embedding():
    outputs = [ExitOutput(numbers(4, 3, seed=0), numbers(4, 3, seed=seed)) for seed in (1, 2)]
    by_hand = [triplet_by_formula(output.embedding.tolist(), LABELS.tolist(), None) for output in outputs]
    assert soft_margin_triplet(outputs, LABELS, {})["triplet"].item() == pytest.approx(sum(by_hand), rel=1e-5)
