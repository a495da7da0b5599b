"""ABC: its loss, the critic's two sides, and the threshold of its codes."""

import pytest
import torch
import torch.nn.functional as F

from baselines.networks.adversary import Critic
from bench import registry
from bench.errors import BenchError
from bench.losses import batch_hard_triplet
from bench.networks import ExitOutput

METHOD = registry.method("abc")
SMOKE = METHOD.presets["smoke"]
LABELS = torch.tensor([0, 0, 1, 1])


def build(**options):
    torch.manual_seed(0)
    return METHOD.build({**SMOKE.network, **options}, 3, SMOKE.recipe.input_size)


@pytest.mark.parametrize(("progress", "margin", "classifying"), [(0.0, 0.2, 1), (0.5, 0.35, 1), (1.0, 0.5, 0)])
def test_the_loss_by_hand(progress, margin, classifying):
    generator = torch.Generator().manual_seed(0)
    features = F.normalize(torch.randn(4, 8, generator=generator))
    logits = torch.randn(4, 3, generator=generator)
    extras = {"logits": logits, "adversarial": torch.tensor(-0.25)}
    extras |= {"progress": torch.tensor(progress), "classifying": torch.tensor(float(classifying))}
    output = ExitOutput(torch.zeros(4, 5), features, None, extras)
    terms = METHOD.loss([output], LABELS, {**SMOKE.network, "adversarial_weight": 2.0})
    by_hand = -logits.log_softmax(dim=1)[range(4), LABELS].mean().item()
    assert {name: term.item() for name, term in terms.items()} == {
        "identity": pytest.approx(classifying * by_hand),
        "triplet": pytest.approx(batch_hard_triplet(features, LABELS, margin).item()),
        "adversarial": pytest.approx(-0.5),
    }


@pytest.mark.parametrize(("progress", "classifying"), [(0.0, 1), (0.25, 1), (0.3, 0), (1.0, 0)])
def test_identities_are_classified_at_first(progress, classifying):
    network = build(identity_share=0.25)
    network.anneal(progress)
    output = network.outputs(torch.randn(4, 3, *SMOKE.recipe.input_size))[0]
    assert output.extras["classifying"].item() == classifying
    assert output.extras["progress"].item() == pytest.approx(progress)
    assert torch.allclose(output.embedding.norm(dim=1), torch.ones(4))


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_is_from_0_to_1(share):
    with pytest.raises(BenchError, match="identity_share is a share of training, from 0 to 1"):
        build(identity_share=share)


def test_a_bit_is_whether_a_feature_is_nearer_to_one_than_to_zero():
    """A balanced code of 8 bits has four values of 1/2, and so the length 1."""
    head = build(bits=8).head
    features = torch.tensor([[0.5, 0.0, 0.26, 0.24, -0.5, 0.25, 0.7, 0.1]])
    assert head.code(features).tolist() == [[1, -1, 1, -1, -1, -1, 1, -1]]


def test_codes_in_evaluation_are_those_of_the_step():
    network = build().eval()
    images = torch.randn(3, 3, *SMOKE.recipe.input_size)
    with torch.inference_mode():
        (embedding,) = network.embed(images)
        (output,) = network.outputs(images)
    assert torch.equal(embedding, output.embedding)
    assert set(embedding.unique().tolist()) == {-1.0, 1.0}
    assert not output.extras, "the critic is for training"


def test_critic_and_features_want_the_opposite():
    torch.manual_seed(0)
    critic = Critic(6, (8, 4), clip=10.0)
    real, made = torch.randn(5, 6, requires_grad=True), torch.randn(5, 6, requires_grad=True)
    critic(real, made).backward()
    assert real.grad is None, "random codes learn nothing"
    verdict = critic.verdict(critic.layers(made)).mean()
    (towards_real,) = torch.autograd.grad(verdict, made)
    assert torch.allclose(made.grad, -towards_real), "descending raises the verdict on what was made"
    before = critic(real, made).item()
    with torch.no_grad():
        for part in critic.parameters():
            part -= 0.05 * part.grad
    assert critic(real, made).item() < before, "descending parts real from made"


def test_the_critics_weights_stay_small_in_training():
    critic = Critic(6, (8, 4), clip=0.01)
    largest = max(part.abs().max().item() for part in critic.parameters())
    critic.eval()(torch.randn(2, 6), torch.randn(2, 6))
    assert max(part.abs().max().item() for part in critic.parameters()) == largest > 0.01
    critic.train()(torch.randn(2, 6), torch.randn(2, 6))
    assert max(part.abs().max().item() for part in critic.parameters()) == pytest.approx(0.01)
