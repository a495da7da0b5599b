import math

import pytest
import torch
from formulas import triplet_by_formula
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.networks import ExitOutput
from hashreid.method import LOSS
from hashreid.readings import AS_BEFORE
from hashreid.training_loss import hashreid_loss, quantisation, ranking_regulariser

OPTIONS = {**LOSS, **AS_BEFORE}


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


def output(seed, batch=8, identities=4):
    generator = torch.Generator().manual_seed(seed)
    features, code, logits, aligned, before = (
        torch.randn(batch, width, generator=generator) for width in (5, 7, identities, 5, 7)
    )
    return ExitOutput(features, code, logits, {"aligned": aligned, "before_sign": before})


def test_ksh_on_codes_by_hand():
    """Two images with features at a right angle to each other: their codes' product b·bᵀ/L should be 0."""
    features = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    codes = torch.tensor([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, -1.0]])  # product 2 of 4 places
    assert ranking_regulariser(features, codes, product="ksh").item() == pytest.approx(0.5**2)
    assert ranking_regulariser(features, codes / 2, product="ksh").item() == pytest.approx((0.5 / 4) ** 2)
    # Under a cosine the codes' magnitude drops out.
    assert ranking_regulariser(features, codes / 2).item() == pytest.approx(0.5**2)


def test_ksh_pushes_small_codes_of_like_images_outwards_and_a_cosine_does_not():
    features = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    for product, expected in (("ksh", -1.0), ("cosine", 0.0)):
        codes = torch.full((2, 4), 0.3, requires_grad=True)
        ranking_regulariser(features, codes, product=product).backward()
        # Of (1 − 0.09)², by each of 8 places of 0.3: 2 · 0.91 · −0.3 / 4 from either anchor, halved by the mean.
        assert codes.grad.flatten().tolist() == pytest.approx([expected * 2 * 0.91 * 0.3 / 4] * 8, abs=1e-6)


@pytest.mark.parametrize("detached", [False, True])
@pytest.mark.parametrize("product", ["cosine", "ksh"])
def test_detached_features_are_not_moved(detached, product):
    features, codes = torch.randn(8, 5, requires_grad=True), torch.randn(8, 9, requires_grad=True)
    ranking_regulariser(features, codes, product=product, detached=detached).backward()
    assert codes.grad.abs().sum() > 0
    assert (features.grad is None) == detached


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000))
def test_quantisation_is_zero_at_signs_alone(seed):
    codes = torch.randn(6, 9, generator=torch.Generator().manual_seed(seed))
    assert quantisation(codes.sign()).item() == 0
    assert quantisation(codes.sign() * 0.25).item() == pytest.approx(0.75**2)
    assert quantisation(codes).item() == pytest.approx(((codes.sign() - codes) ** 2).mean().item(), rel=1e-5)


def test_readings_choose_the_terms():
    labels = torch.arange(4).repeat_interleave(2)
    one = output(1)
    plain = hashreid_loss([one], labels, OPTIONS)
    assert set(plain) == {"triplet", "identity", "ranking"}
    assert hashreid_loss([one], labels, {**OPTIONS, "ranking": "none"})["ranking"].item() == 0
    summed = hashreid_loss([one], labels, {**OPTIONS, "triplet_anchors": "sum"})
    assert summed["triplet"].item() == pytest.approx(8 * plain["triplet"].item(), rel=1e-5)
    kept = hashreid_loss([one], labels, {**OPTIONS, "quantisation_weight": 0.5})
    assert kept["quantisation"].item() == pytest.approx(0.5 * quantisation(one.embedding).item())
    ksh = hashreid_loss([one], labels, {**OPTIONS, "ranking": "ksh", "ranking_weight": 2.0})
    expected = ranking_regulariser(one.extras["aligned"], one.embedding, product="ksh")
    assert ksh["ranking"].item() == pytest.approx(2 * expected.item())


def test_original_features_before_the_sign_where_the_head_has_layers():
    labels = torch.arange(4).repeat_interleave(2)
    one = output(2)
    before = one.extras["before_sign"]
    found = hashreid_loss([one], labels, {**OPTIONS, "feat_ori": "before-sign"})
    triplet = triplet_by_formula(before.tolist(), labels.tolist(), 0.2)
    assert found["triplet"].item() == pytest.approx(0.35 * triplet, rel=1e-4)
    ranking = ranking_by_formula(before.tolist(), one.embedding.tolist(), 5)
    assert found["ranking"].item() == pytest.approx(100 * ranking, rel=1e-4)
    direct = ExitOutput(one.features, one.embedding, one.logits, {"aligned": one.extras["aligned"]})
    pooled = hashreid_loss([direct], labels, OPTIONS)
    same = hashreid_loss([direct], labels, {**OPTIONS, "feat_ori": "before-sign"})
    assert all(torch.equal(pooled[name], same[name]) for name in pooled)
