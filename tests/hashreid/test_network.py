import pytest
import torch
from torch import nn

from bench.cost.macs import cross_check, exit_macs
from bench.encoders.build import build_encoder
from bench.errors import BenchError
from bench.networks import sign
from hashreid.method import HASHREID, HASHREID_NOEXIT
from hashreid.network import HashExit, strip_pool

PAPER = {**HASHREID.presets["paper"].network, "weights": "none"}


@pytest.fixture(scope="module")
def paper_network():
    torch.manual_seed(0)
    return HASHREID.build(PAPER, 751).eval()


@pytest.fixture
def small_network():
    torch.manual_seed(0)
    network = HASHREID.build(HASHREID.presets["smoke"].network, 10)
    with torch.no_grad():  # a few batches, so that the running statistics are not the initial ones
        for _ in range(3):
            network.outputs(torch.randn(8, 3, 64, 32))
    return network.eval()


@pytest.mark.long
def test_multiply_adds_to_the_digit(paper_network):
    """Trunk of torchvision's ResNet-50 at 256×128, and heads 1024·512 + 512·256 and 512·512 + 512·256."""
    trunk = [513_277_952, 1_184_366_592, 2_140_667_904, 2_669_150_208]
    first, second = 1024 * 512 + 512 * 256, 512 * 512 + 512 * 256
    heads = [first, first + second, first + second, first + second]
    assert exit_macs(paper_network, (256, 128)).tolist() == [t + h for t, h in zip(trunk, heads, strict=True)]
    assert cross_check(paper_network, (256, 128)).tolist() == exit_macs(paper_network, (256, 128)).tolist()


def test_widths_and_codes_of_the_paper(paper_network):
    assert [(spec.dim, spec.code) for spec in paper_network.exits] == [
        (256, "binary"),
        (256, "binary"),
        (1024, "binary"),
        (2048, "binary"),
    ]
    with torch.inference_mode():
        maps = paper_network.segments[0](paper_network.start(torch.randn(2, 3, 256, 128)))
        assert maps.shape == (2, 256, 64, 32)
        assert paper_network.pool(maps, 0).shape == (2, 1024)


def test_strips_by_hand():
    maps = torch.arange(8.0).view(1, 1, 8, 1).repeat(1, 2, 1, 3)
    maps[:, 1] += 100
    assert strip_pool(maps, 4).tolist() == [[0.5, 100.5, 2.5, 102.5, 4.5, 104.5, 6.5, 106.5]]
    assert strip_pool(maps, 1).tolist() == [[3.5, 103.5]]
    with pytest.raises(BenchError, match="multiple of 12"):
        strip_pool(maps, 3)


def test_zero_maps_to_minus_one():
    assert sign(torch.tensor([-2.0, -0.0, 0.0, 1e-9])).tolist() == [-1, -1, -1, 1]


def test_codes_are_signs_in_evaluation_and_soft_in_training(small_network):
    images = torch.randn(6, 3, 64, 32)
    with torch.no_grad():
        for code in small_network.embed(images):
            assert set(code.unique().tolist()) == {-1.0, 1.0}
        small_network.train()
        for output in small_network.outputs(images):
            assert output.embedding.abs().max() < 1


def test_soft_sign_by_formula():
    head = HashExit(8, 8).train()
    features = torch.randn(5, 8)
    centred = head.transform(features)
    assert torch.equal(HashExit.binarise(head, centred), centred / (1 + centred.abs()))


def test_a_hard_soft_sign_comes_close_to_the_sign():
    head = HashExit(8, 8).train()
    values = torch.tensor([[-2.0, -0.5, 0.0, 0.5, 2.0]])
    head.hardness = 10.0
    assert torch.allclose(head.binarise(values), 10 * values / (1 + 10 * values.abs()))
    head.hardness = 1e6
    assert torch.allclose(head.binarise(values), values.sign(), atol=1e-4)


def test_straight_through_has_signs_and_the_gradient_of_the_soft_sign():
    head = HashExit(8, 8, straight_through=True).train()
    values = torch.tensor([-2.0, -0.1, 0.0, 0.3, 2.0], requires_grad=True)
    code = head.binarise(values)
    assert code.tolist() == [-1, -1, -1, 1, 1]
    code.sum().backward()
    assert torch.allclose(values.grad, 1 / (1 + values.detach().abs()) ** 2)


def test_the_soft_sign_hardens_from_one_to_its_end():
    options = {**HASHREID.presets["smoke"].network, "sign_hardness": 16.0}
    network = HASHREID.build(options, 4)
    for progress, expected in ((0.0, 1.0), (0.5, 4.0), (1.0, 16.0)):
        network.anneal(progress)
        assert [head.hardness for head in network.heads] == [expected] * 4
    unchanged = HASHREID.build(HASHREID.presets["smoke"].network, 4)
    unchanged.anneal(0.7)
    assert [head.hardness for head in unchanged.heads] == [1.0] * 4


def test_what_the_sign_is_taken_of_comes_with_the_outputs(small_network):
    small_network.train()
    outputs = small_network.outputs(torch.randn(6, 3, 64, 32))
    assert ["before_sign" in output.extras for output in outputs] == [True, True, False, False]
    for output in outputs:
        before = output.extras.get("before_sign", output.extras["aligned"])
        assert torch.equal(nn.functional.softsign(before), output.embedding)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ranking", "ksch", "did you mean 'ksh'"),
        ("training_sign", "hard", "known: soft, straight-through"),
        ("sign_hardness", 0.5, "1 \\(no schedule\\) or more"),
        ("quantisation_weight", -1.0, "0 or more"),
    ],
)
def test_unknown_readings_are_refused(name, value, message):
    with pytest.raises(BenchError, match=message):
        HASHREID.build({**HASHREID.presets["smoke"].network, name: value}, 4)


@pytest.mark.parametrize(
    ("hidden", "bits", "expected"),
    [
        (512, 256, [nn.Linear, nn.BatchNorm1d, nn.Tanh, nn.Linear, nn.BatchNorm1d]),
        (0, 1024, [nn.BatchNorm1d]),
        (0, 128, [nn.Linear, nn.BatchNorm1d]),
    ],
)
def test_layers_of_the_exits(hidden, bits, expected):
    assert [type(layer) for layer in HashExit(1024, bits, hidden).transform] == expected


def test_without_exits_there_is_one(small_network):
    options = HASHREID_NOEXIT.presets["smoke"].network
    network = HASHREID_NOEXIT.build(options, 10).eval()
    assert [(spec.name, spec.dim) for spec in network.exits] == [("exit 4", 128)]
    short = HASHREID_NOEXIT.build({**options, "final_bits": 48}, 10).eval()
    assert short.exits[0].dim == 48
    assert short.embed(torch.randn(2, 3, 64, 32))[0].shape == (2, 48)
    # The trunk costs the same as with exits; the heads of exits 1 and 2 are saved.
    small_network.eval()
    heads = sum(
        layer.in_features * layer.out_features
        for layer in small_network.heads.modules()
        if hasattr(layer, "in_features")
    )
    assert exit_macs(network, (64, 32))[0] == exit_macs(small_network, (64, 32))[-1] - heads


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnet14-half", "resnet50-half"])
def test_any_encoder_takes_the_place(name):
    options = {**PAPER, "backbone": name, "last_stride": 1}
    network = HASHREID.build(options, 5).eval()
    with torch.inference_mode():
        codes = network.embed(torch.randn(2, 3, 64, 32))
    assert [code.shape[1] for code in codes] == [spec.dim for spec in network.exits]


def test_last_stride_one_keeps_the_resolution():
    for name in ("resnet18", "resnet50", "resnet14-half"):
        encoder = build_encoder(name, last_stride=1)
        maps = encoder.stem(torch.randn(1, 3, 64, 32))
        for stage in encoder.stages:
            maps = stage(maps)
        assert maps.shape[2:] == (4, 2)


def test_a_soft_sign_of_hardness_one_leaves_the_gradients_as_they_were_to_the_last_bit():
    """Runs that were kept before the hardness was an option come out again only if gradients meet in their order."""
    head = HashExit(64, 64).train()
    weights = torch.randn(3, 32, 64, generator=torch.Generator().manual_seed(0))
    gradients = []
    for soft in (head.binarise, torch.nn.functional.softsign):
        values = weights[0].clone().requires_grad_()
        centred = values * 3.0
        (soft(centred) * weights[1] + torch.nn.functional.normalize(centred) * weights[2]).sum().backward()
        gradients.append(values.grad)
    assert torch.equal(*gradients)
