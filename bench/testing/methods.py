"""What every registered method must keep, plug-ins too: run over all of them at preset smoke."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor

from bench import registry
from bench.cost.macs import cross_check
from bench.methods import Method
from bench.networks import MultiExitNetwork, join, select
from bench.training.recipe import Recipe

IDENTITIES = 6


@pytest.fixture(scope="module")
def method(method_name: str) -> Method:
    return registry.method(method_name)


@pytest.fixture(scope="module")
def images(method: Method) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(8, 3, *method.presets["smoke"].recipe.input_size, generator=generator)


def build(method: Method) -> MultiExitNetwork:
    smoke = method.presets["smoke"]
    return method.build(dict(smoke.network), IDENTITIES, smoke.recipe.input_size)


@pytest.fixture(scope="module")
def network(method: Method, images: Tensor) -> MultiExitNetwork:
    """In evaluation mode; a test that trains it trains a copy."""
    torch.manual_seed(0)
    network = build(method)
    with torch.no_grad():  # so that running statistics are not the initial ones
        for _ in range(3):
            network.outputs(images)
    return network.eval()


def test_it_says_what_it_is(method: Method) -> None:
    assert set(method.presets) >= {"smoke", "demo", "paper"}
    for text in (method.summary, method.paper, method.faithful, method.differs):
        assert text
    for preset in method.presets.values():
        assert preset.summary
        assert isinstance(preset.recipe, Recipe)
        assert all(isinstance(value, (bool, int, float, str)) for value in preset.network.values())
        for name, value in method.option_defaults.items():
            assert type(preset.network[name]) is type(value), f"presets name option {name}, as the default is"


def test_exits_embed_as_specified(network: MultiExitNetwork, images: Tensor) -> None:
    assert len({spec.name for spec in network.exits}) == len(network.exits) == len(network.heads)
    with torch.inference_mode():
        for spec, embedding in zip(network.exits, network.embed(images), strict=True):
            assert embedding.shape == (len(images), spec.dim)
            assert torch.isfinite(embedding).all()
            if spec.code == "binary":
                assert set(embedding.unique().tolist()) <= {-1.0, 1.0}


def test_extras_embed_as_specified(network: MultiExitNetwork, images: Tensor) -> None:
    """Embeddings that are scored and are no exits, where a network has any: other names, and not among the heads."""
    with torch.inference_mode():
        embedded = network.embed_extras(images)
    assert len(embedded) == len(network.extras)
    assert not {spec.name for spec in network.extras} & {spec.name for spec in network.exits}
    for spec, embedding in zip(network.extras, embedded, strict=True):
        assert embedding.shape == (len(images), spec.dim)
        assert torch.isfinite(embedding).all()


def test_costs_rise_and_two_counters_agree(method: Method, network: MultiExitNetwork) -> None:
    macs = cross_check(network, method.presets["smoke"].recipe.input_size)
    assert np.all(np.diff(macs, prepend=0) > 0)


def test_the_first_step_tells_the_features_that_training_reads(network: MultiExitNetwork, images: Tensor) -> None:
    """Policies that read them need not run the first step twice."""
    with torch.inference_mode():
        state, embedding = network.step(network.start(images), 0)
        features = network.first_features(state, embedding)
        if features is None:
            pytest.skip("the network tells no features: policies that read them leave it out")
        expected = network.outputs(images, num_exits=1)[0].features
    torch.testing.assert_close(features, expected)


def test_steps_agree_with_the_whole_for_any_rows(network: MultiExitNetwork, images: Tensor) -> None:
    with torch.inference_mode():
        whole = network.embed(images)
        for leaving in range(len(network.exits)):
            rows = torch.tensor([5, 0, 3])
            state = network.start(images)
            for index in range(len(network.exits)):
                state, embedding = network.step(state, index)
                expected = whole[index] if index <= leaving else whole[index][rows]
                torch.testing.assert_close(embedding, expected, rtol=1e-4, atol=1e-4)
                if index == leaving:
                    # Parted and put together: as they are gathered who go on together.
                    state = join([select(state, rows[:2]), select(state, rows[2:])])


def test_an_image_does_not_depend_on_its_batch(network: MultiExitNetwork, images: Tensor) -> None:
    with torch.inference_mode():
        for together, alone in zip(network.embed(images), network.embed(images[2:3]), strict=True):
            torch.testing.assert_close(together[2:3], alone, rtol=1e-4, atol=1e-4)


def test_training_outputs_lie_on_the_inference_path(network: MultiExitNetwork, images: Tensor) -> None:
    """In evaluation mode, where no batch statistics interfere, outputs and steps give the same embeddings."""
    with torch.inference_mode():
        for index, (output, embedding) in enumerate(zip(network.outputs(images), network.embed(images), strict=True)):
            torch.testing.assert_close(output.embedding, embedding)
            classified = network.classify(embedding, index)
            assert (classified is None) == (output.logits is None)
            if classified is not None:
                assert classified.shape == (len(images), IDENTITIES)
                torch.testing.assert_close(output.logits, classified)


def test_gradient_reaches_every_parameter(method: Method, network: MultiExitNetwork, images: Tensor) -> None:
    network = copy.deepcopy(network).train()
    labels = torch.arange(4).repeat_interleave(2)
    terms = method.loss(network.outputs(images), labels, method.presets["smoke"].network)
    total = torch.stack(list(terms.values())).sum()
    assert total.shape == ()
    total.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_the_state_dict_goes_round(method: Method, network: MultiExitNetwork, images: Tensor) -> None:
    torch.manual_seed(1)
    other = build(method).eval()
    other.load_state_dict(network.state_dict())
    with torch.inference_mode():
        for one, same in zip(network.embed(images), other.embed(images), strict=True):
            assert torch.equal(one, same)
    kept: dict[int, str] = {}
    for name, tensor in network.state_dict().items():
        if tensor.numel():
            assert kept.setdefault(tensor.data_ptr(), name) == name, f"{kept[tensor.data_ptr()]} and {name} are one"
