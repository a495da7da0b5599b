import pytest
import torch
from formulas import triplet_by_formula
from hypothesis import given, settings
from hypothesis import strategies as st

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
