import math

import pytest
import torch
from formulas import triplet_by_formula
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.networks import ExitOutput
from hashreid.training_loss import hashreid_loss, ranking_regulariser

OPTIONS = {"triplet_weight": 0.35, "identity_weight": 1.0, "ranking_weight": 100.0, "margin": 0.2}


def cosine(one, other):
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return dot / math.sqrt(sum(a * a for a in one)) / math.sqrt(sum(b * b for b in other))


def ranking_by_formula(features, codes, neighbours):
    terms = []
    for i, anchor in enumerate(features):
        ranked = sorted((j for j in range(len(features)) if j != i), key=lambda j: -cosine(anchor, features[j]))
        terms += [(cosine(anchor, features[j]) - cosine(codes[i], codes[j])) ** 2 for j in ranked[:neighbours]]
    return sum(terms) / len(terms)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 7))
def test_ranking_regulariser(seed, neighbours):
    generator = torch.Generator().manual_seed(seed)
    features, codes = torch.randn(8, 5, generator=generator), torch.randn(8, 9, generator=generator)
    expected = ranking_by_formula(features.tolist(), codes.tolist(), neighbours)
    assert ranking_regulariser(features, codes, neighbours).item() == pytest.approx(expected, rel=1e-4)


def test_ranking_regulariser_of_equal_directions_is_nothing():
    features = torch.randn(8, 5)
    assert ranking_regulariser(features, 3 * features).item() == pytest.approx(0, abs=1e-10)


def test_ranking_regulariser_in_a_batch_smaller_than_five():
    assert torch.isfinite(ranking_regulariser(torch.randn(3, 5), torch.randn(3, 5)))


def test_whole_loss_adds_weighted_terms_over_the_exits():
    torch.manual_seed(0)
    labels = torch.arange(4).repeat_interleave(2)
    outputs = [
        ExitOutput(torch.randn(8, 5), torch.randn(8, 7), torch.randn(8, 4), {"aligned": torch.randn(8, 5)})
        for _ in range(3)
    ]
    terms = hashreid_loss(outputs, labels, OPTIONS)
    plain = labels.tolist()
    assert terms["triplet"].item() == pytest.approx(
        0.35 * sum(triplet_by_formula(o.features.tolist(), plain, 0.2) for o in outputs), rel=1e-4
    )
    cross_entropy = 0.0
    for output in outputs:
        for row, label in zip(output.logits.tolist(), plain, strict=True):
            cross_entropy += (math.log(sum(map(math.exp, row))) - row[label]) / len(plain)
    assert terms["identity"].item() == pytest.approx(cross_entropy, rel=1e-4)
    assert terms["ranking"].item() == pytest.approx(
        100 * sum(ranking_by_formula(o.extras["aligned"].tolist(), o.embedding.tolist(), 5) for o in outputs), rel=1e-4
    )


def test_weight_of_zero_leaves_the_regulariser_out():
    labels = torch.arange(2).repeat_interleave(2)
    output = ExitOutput(torch.randn(4, 5), torch.randn(4, 7), torch.randn(4, 2), {"aligned": torch.randn(4, 5)})
    assert hashreid_loss([output], labels, {**OPTIONS, "ranking_weight": 0.0})["ranking"].item() == 0
