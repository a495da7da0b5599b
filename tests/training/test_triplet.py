import pytest
import torch
from formulas import triplet_by_formula
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner
from pytorch_metric_learning.reducers import MeanReducer, SumReducer

from bench.losses import batch_hard_triplet


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.none() | st.floats(0.1, 3))
def test_triplet(seed, margin):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(12, 6, generator=generator)
    labels = torch.arange(4).repeat_interleave(3)
    expected = triplet_by_formula(features.tolist(), labels.tolist(), margin)
    assert batch_hard_triplet(features, labels, margin).item() == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_the_soft_margin_never_lets_go():
    """A triplet that is satisfied by far still has a gradient, where the hinge has none."""
    features = torch.tensor([[0.0, 0], [0, 1], [9, 0], [9, 1]], requires_grad=True)
    labels = torch.tensor([0, 0, 1, 1])
    batch_hard_triplet(features, labels, None).backward()
    assert features.grad.abs().sum() > 0
    assert batch_hard_triplet(features.detach(), labels, 0.2).item() == 0


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.none() | st.floats(0.1, 3), st.sampled_from(["mean", "sum"]), st.integers(1, 9))
def test_a_second_library_has_the_same_loss_and_gradient(seed, margin, over_anchors, identities):
    """Drawn identities leave some images without a positive, and one identity all of them without a negative."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, identities, (12,), generator=generator)
    features = torch.randn(12, 6, generator=generator)
    features[1] = features[0]
    ours, theirs = (features.clone().requires_grad_() for _ in range(2))
    distance = LpDistance(normalize_embeddings=False)
    reducer = SumReducer() if over_anchors == "sum" else MeanReducer()
    hinge = {"margin": 0.0, "smooth_loss": True} if margin is None else {"margin": margin}
    triplets = BatchHardMiner(distance=distance)(theirs, labels)
    expected = TripletMarginLoss(**hinge, distance=distance, reducer=reducer)(theirs, labels, triplets)
    loss = batch_hard_triplet(ours, labels, margin, over_anchors)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    if triplets[0].numel():  # without a triplet, its loss has no graph
        expected.backward()
        torch.testing.assert_close(ours.grad, theirs.grad)
    else:
        assert not ours.grad.any()
