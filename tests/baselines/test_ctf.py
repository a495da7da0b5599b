"""CtF's pyramid and its self-distillation, by hand."""

import math

import pytest
import torch

from bench import registry
from bench.errors import BenchError
from bench.networks import ExitOutput

LABELS = torch.tensor([0, 0, 1, 1])


def build(**options):
    torch.manual_seed(0)
    method = registry.method("ctf")
    smoke = method.presets["smoke"]
    options = {**smoke.network, **options}
    return method, options, method.build(options, 3, smoke.recipe.input_size), smoke.recipe.input_size


def softmax(row):
    total = sum(map(math.exp, row))
    return [math.exp(value) / total for value in row]


def by_hand(logits, codes):
    """Distillation of one shorter code from the longest, in plain Python: probability, and similarity."""
    probability = 0.0
    for longer, shorter in zip(*(part.tolist() for part in logits), strict=True):
        pairs = list(zip(softmax(longer), softmax(shorter), strict=True))
        probability += sum(t * math.log(t / p) + p * math.log(p / t) for t, p in pairs)
    grams = []
    for part in (part.tolist() for part in codes):
        gram = [[sum(x * y for x, y in zip(one, other, strict=True)) for other in part] for one in part]
        grams.append([[value / math.sqrt(sum(x * x for x in row)) for value in row] for row in gram])
    squares = [(one - other) ** 2 for rows in zip(*grams, strict=True) for one, other in zip(*rows, strict=True)]
    return probability / len(logits[0]), sum(squares) / len(squares)


def test_shorter_codes_learn_from_the_longest():
    generator = torch.Generator().manual_seed(0)
    lengths = (8, 4, 2)
    extras = {}
    for length in lengths:
        extras[f"{length} bits"] = torch.rand(4, length, generator=generator) * 2 - 1
        extras[f"features {length}"] = torch.randn(4, length, generator=generator)
        extras[f"logits {length}"] = torch.randn(4, 3, generator=generator)
    for name in ("8 bits", "logits 8"):
        extras[name].requires_grad_(True)
    method, options, _, _ = build(probability_weight=2.0, similarity_weight=10.0)
    output = ExitOutput(torch.zeros(4, 5), extras["8 bits"], extras["logits 8"], extras)
    terms = method.loss([output], LABELS, options)
    expected = [
        by_hand([extras["logits 8"], extras[f"logits {length}"]], [extras["8 bits"], extras[f"{length} bits"]])
        for length in lengths[1:]
    ]
    assert terms["probability"].item() == pytest.approx(2 * sum(part[0] for part in expected), rel=1e-4)
    assert terms["similarity"].item() == pytest.approx(10 * sum(part[1] for part in expected), rel=1e-4)
    assert not (terms["probability"] + terms["similarity"]).requires_grad, "the longest code is not moved by it"
    assert set(method.loss([output], LABELS, {**options, "probability_weight": 0, "similarity_weight": 0})) == {
        "identity",
        "triplet",
    }


def test_short_codes_do_not_move_the_trunk():
    _, _, network, size = build()
    extras = network.outputs(torch.randn(4, 3, *size))[0].extras
    (extras["16 bits"].sum() + extras["logits 32"].sum()).backward()
    assert all(part.grad is None for part in (*network.stem.parameters(), *network.stages.parameters()))
    assert network.pyramid.reduce[-1].weight.grad is not None


def test_shorter_codes_are_at_hand_after_the_step():
    _, _, network, size = build()
    network.eval()
    images = torch.randn(3, 3, *size)
    with torch.inference_mode():
        (pooled, *shorter), longest = network.step(network.start(images), 0)
        found = network.embed_extras(images)
        centred = network.pyramid.necks[0](network.pyramid.features(pooled)[0])
    assert [spec.dim for spec in network.extras] == [32, 16]
    assert [spec.dim for spec in network.exits] == [128]
    for at_hand, extra in zip(shorter, found, strict=True):
        assert torch.equal(at_hand, extra)
    assert torch.equal(longest, torch.where(centred > 0, 1.0, -1.0))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lengths": "128,32,64"}, "lengths=128,32,64: expected two or more"),
        ({"lengths": "128", "searched": "128"}, "two or more code lengths"),
        ({"searched": "128,64"}, "searched=128,64: expected lengths out of 128, 64, 32, 16"),
        ({"searched": "128,x,16"}, "searched=128,x,16: expected 3 whole numbers"),
    ],
)
def test_lengths_that_cannot_be(options, said):
    with pytest.raises(BenchError, match=said):
        build(**options)
