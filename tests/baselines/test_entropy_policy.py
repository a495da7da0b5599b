import math

import numpy as np
import pytest
import torch
from invented import invented_table
from scipy.stats import entropy

from baselines.entropy import ENTROPY
from bench import registry
from bench.retrieval.classify import Classifier, class_entropies
from bench.retrieval.codes import pack


@pytest.mark.parametrize("name", ["branchynet", "hashreid"])
def test_entropies_are_those_of_scipy(name):
    """In nats, as BranchyNet's code has them; binary codes are unpacked first."""
    torch.manual_seed(0)
    method = registry.method(name)
    smoke = method.presets["smoke"]
    network = method.build(dict(smoke.network), 9, smoke.recipe.input_size).eval()
    for classifier in network.classifiers:  # so that classes differ
        torch.nn.init.normal_((classifier if name == "hashreid" else classifier.linear).weight)
    with torch.inference_mode():
        codes = network.embed(torch.randn(5, 3, *smoke.recipe.input_size))
        logits = [network.classify(code, index).double().numpy() for index, code in enumerate(codes)]
    stored = [
        pack(code.numpy()) if spec.code == "binary" else code.numpy()
        for spec, code in zip(network.exits, codes, strict=True)
    ]
    found, classes = class_entropies(network, stored)
    assert classes == 9
    expected = np.stack([entropy(np.exp(part), axis=1) for part in logits], axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert found.max() <= math.log(9) + 1e-9
    assert found.std() > 0.01


@pytest.mark.parametrize("name", ["branchynet", "hashreid"])
def test_an_entropy_does_not_depend_on_the_batch(name):
    method = registry.method(name)
    network = method.build(dict(method.presets["smoke"].network), 751).eval()
    classifier = Classifier.of(network)
    spec, generator = network.exits[0], np.random.default_rng(0)
    codes = generator.normal(size=(500, spec.dim)).astype(np.float32)
    stored = pack(np.sign(codes)) if spec.code == "binary" else codes
    together = classifier.entropy(stored, 0)
    for count in (1, 3, 8):
        parts = [classifier.entropy(stored[first : first + count], 0) for first in range(0, len(stored), count)]
        assert np.array_equal(np.concatenate(parts), together)


def test_a_method_without_classifiers_has_none():
    method = registry.method("dare")
    network = method.build(dict(method.presets["smoke"].network), 9)
    assert class_entropies(network, [np.zeros((2, 128), dtype=np.float32)] * 4) is None


def test_the_surest_leave_first():
    signals = invented_table().signals
    confidence = ENTROPY.confidence(signals, np.random.default_rng(0))
    assert confidence.argmax() == signals.class_entropy.argmin()
