import numpy as np
import pytest
import torch
import torch.nn.functional as F

from baselines.networks.adversary import Adversary
from baselines.networks.binary import BinaryConvolution, activation_sign, weight_sign
from bench import registry
from bench.cost.axes.macs import MACS
from bench.cost.axes.operations import OPERATIONS
from bench.cost.ledger import CostLedger
from bench.errors import BenchError

METHOD = registry.method("bire-id")
SMOKE = METHOD.presets["smoke"]
LABELS = torch.tensor([0, 0, 1, 1])


def build(**options):
    torch.manual_seed(0)
    options = {**SMOKE.network, **options}
    return options, METHOD.build(options, 5, SMOKE.recipe.input_size)


@pytest.fixture(scope="module")
def ledger():
    """Preset paper, counted."""
    paper = METHOD.presets["paper"]
    return CostLedger.of(METHOD.build(paper.network, 5, (256, 128)), (256, 128), 1)


def test_all_convolutions_but_the_first_multiply_signs(ledger):
    """ResNet-18 at 256×128 has 1,184,366,592 multiply-adds, 77,070,336 of them in its first convolution."""
    assert ledger.cumulative_macs.tolist() == [1_184_366_592]
    assert ledger.binary_macs.tolist() == [1_184_366_592 - 77_070_336]
    assert ledger.rows()[0]["cumulative_binary_macs"] == 1_107_296_256


def test_the_theoretical_saving_is_the_printed_one(ledger):
    """12.51-fold in the paper: with a real classifier over 751 identities on both sides, 12.50 here."""
    prices = OPERATIONS.prices(ledger, None)
    assert prices.ladder.tolist() == [77_070_336 + 1_107_296_256 / 64]
    classifier = 512 * 751
    saving = (MACS.prices(ledger, None).ladder[0] + classifier) / (prices.ladder[0] + classifier)
    assert saving == pytest.approx(12.51, abs=0.02)
    assert "64 multiply-adds" in OPERATIONS.header(prices)["conversion"]


def test_a_ledger_of_before_there_were_binary_products_is_read(ledger):
    values = ledger.to_json()
    assert CostLedger.from_json(values) == ledger
    for cost in values["exits"]:
        del cost["binary_macs"]
    assert CostLedger.from_json(values).binary_macs.tolist() == [0]
    assert ledger.with_views(2).binary_macs.tolist() == [2 * 1_107_296_256]


def slope(polynomial, at, step=1e-4):
    return (polynomial(at + step) - polynomial(at - step)) / (2 * step)


def approximate_sign(values):
    """The piecewise polynomial that stands for the sign where gradients are taken (Bi-Real Net, equation 6)."""
    return np.select(
        [values < -1, values < 0, values < 1], [-1.0, 2 * values + values**2, 2 * values - values**2], default=1.0
    )


def test_the_gradient_through_a_sign_is_the_slope_of_its_approximation():
    at = np.linspace(-1.505, 1.505, 300)
    values = torch.tensor(at, requires_grad=True)
    signs = activation_sign(values)
    assert torch.equal(signs.detach(), torch.where(values > 0, 1.0, -1.0).double())
    signs.sum().backward()
    np.testing.assert_allclose(values.grad.numpy(), slope(approximate_sign, at), atol=1e-3)


def test_the_gradient_of_a_weight_passes_within_one():
    weights = torch.tensor([-2.0, -1.0, -0.3, 0.0, 0.7, 1.5], requires_grad=True)
    signs = weight_sign(weights)
    assert signs.tolist() == [-1, -1, -1, -1, 1, 1]
    (signs * torch.arange(1.0, 7.0)).sum().backward()
    assert weights.grad.tolist() == [0, 2, 3, 4, 5, 0]


def test_without_a_gradient_the_signs_are_the_same():
    values = torch.tensor([-0.5, 0.0, 0.5])
    assert activation_sign(values).tolist() == weight_sign(values).tolist() == [-1, -1, 1]


@pytest.mark.parametrize("learned", [True, False])
def test_a_binary_convolution_is_scaled_sums_of_signs(learned):
    torch.manual_seed(0)
    layer = BinaryConvolution(3, 4, 3, 2, learned_scale=learned)
    maps = torch.randn(2, 3, 8, 6)
    signs = F.conv2d(maps.sign(), layer.weight.sign(), stride=2, padding=1)
    means = layer.weight.abs().mean(dim=(1, 2, 3))
    torch.testing.assert_close(layer(maps), signs * means[None, :, None, None])
    assert (signs == signs.round()).all()
    assert [name for name, _ in layer.named_parameters()] == ["weight", *(["learned"] if learned else [])]


def test_an_adversary_and_what_deceives_it_pull_in_opposite_directions():
    """Down the loss, the adversary tells real from made better; what is made is told worse."""
    torch.manual_seed(0)
    adversary = Adversary(3, 8)
    real, made = torch.randn(6, 3) + 1, (torch.randn(6, 3) - 1).requires_grad_()
    loss = adversary(real, made)
    loss.backward()
    with torch.no_grad():
        fooled = adversary(real, made - 0.1 * made.grad)
        for parameter in adversary.parameters():
            parameter -= 0.1 * parameter.grad
        learned = adversary(real, made)
    assert learned < loss < fooled
    assert real.grad is None


@pytest.mark.parametrize(
    ("options", "terms"),
    [
        ({"scales": "mean", "kernel_refinement": False, "feature_refinement": False}, set()),
        ({"kernel_refinement": False, "feature_refinement": False}, set()),
        ({"feature_refinement": False}, {"kernels adversarial", "kernels distance"}),
        ({"kernel_refinement": False}, {"maps adversarial", "maps distance"}),
    ],
)
def test_switches_of_the_ablation(options, terms):
    options, network = build(**options)
    found = METHOD.loss(network.outputs(torch.randn(4, 3, 64, 32)), LABELS, options)
    assert set(found) == {"identity", *terms}
    sum(found.values()).backward()
    assert all(part.grad is not None for part in network.parameters())


def test_the_high_level_features_learn_nothing_from_the_low_level_ones():
    _, network = build(kernel_refinement=False)
    extras = network.outputs(torch.randn(4, 3, 64, 32))[0].extras
    (extras["maps adversarial"] + extras["maps distance"]).backward()
    assert all(part.grad is None for part in network.stages[3].parameters())
    assert network.features[0].project.weight.grad.abs().sum() > 0


def test_refinement_is_no_part_of_inference():
    _, network = build()
    extras = network.eval().outputs(torch.randn(4, 3, 64, 32))[0].extras
    assert set(extras) == {"logits"}
    inference = CostLedger.of(network, (64, 32), 1).parameters.sum()
    assert inference < sum(part.numel() for part in network.parameters())


def test_scales_that_do_not_exist():
    with pytest.raises(BenchError, match="did you mean 'mean'"):
        build(scales="means")


def test_training_is_real_at_first_and_evaluation_never():
    _, network = build(real_share=0.5, kernel_refinement=False, feature_refinement=False)
    layer = network.binary_convolutions()[0]
    maps = torch.randn(2, layer.weight.shape[1], 6, 4)
    signs = layer(maps)
    assert network.anneals
    network.anneal(0.5)
    means = layer.weight.abs().mean(dim=(1, 2, 3), keepdim=True)
    expected = F.conv2d(maps.clamp(-1, 1), layer.weight / means, padding=1) * layer.scale[None, :, None, None]
    torch.testing.assert_close(layer(maps), expected)
    torch.testing.assert_close(network.eval().binary_convolutions()[0](maps), signs)
    network.train().anneal(0.51)
    torch.testing.assert_close(layer(maps), signs)


def test_a_training_that_never_binarises_is_refused():
    with pytest.raises(BenchError, match="real_share is a share of training"):
        build(real_share=1.0)
