import math

import pytest
import torch
from formulas import triplet_by_formula

from baselines.exit_losses import CLASSIFICATION_AND_TRIPLET, classification_and_triplet
from bench.errors import BenchError
from bench.networks import ExitOutput

LABELS = torch.arange(4).repeat_interleave(2)


@pytest.fixture
def outputs():
    torch.manual_seed(0)
    return [ExitOutput(torch.randn(8, 5), torch.randn(8, 7), torch.randn(8, 4)) for _ in range(3)]


def cross_entropy(output):
    rows = zip(output.logits.tolist(), LABELS.tolist(), strict=True)
    return sum(math.log(sum(map(math.exp, row))) - row[label] for row, label in rows) / 8


def test_both_terms_add_up_over_the_exits(outputs):
    terms = classification_and_triplet(outputs, LABELS, {**CLASSIFICATION_AND_TRIPLET, "triplet_weight": 0.5})
    assert terms["identity"].item() == pytest.approx(sum(map(cross_entropy, outputs)), rel=1e-4)
    triplets = [triplet_by_formula(output.embedding.tolist(), LABELS.tolist(), 0.3) for output in outputs]
    assert terms["triplet"].item() == pytest.approx(0.5 * sum(triplets), rel=1e-4)


def test_a_weight_of_zero_leaves_a_term_out(outputs):
    assert set(classification_and_triplet(outputs, LABELS, {**CLASSIFICATION_AND_TRIPLET, "triplet_weight": 0})) == {
        "identity"
    }
    assert set(classification_and_triplet(outputs, LABELS, {**CLASSIFICATION_AND_TRIPLET, "identity_weight": 0})) == {
        "triplet"
    }
    with pytest.raises(BenchError, match="nothing is left"):
        classification_and_triplet(outputs, LABELS, {"identity_weight": 0, "triplet_weight": 0, "margin": 0.3})
