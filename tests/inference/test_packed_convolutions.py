"""Convolutions of signs on packed bits, by OpenVINO, beside torch's of floats."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from smoke_networks import assert_same, embed, noise, smoke_run

from bench.inference.backends.by_name import open_backend
from bench.inference.backends.packed import OneByOne, pack_binary_convolutions
from bench.inference.export.write import write_export

openvino = pytest.importorskip("openvino", reason="packed convolutions need the extra openvino")


def graph(filters, stride, sign=(1.0, -1.0)):
    """Signs of (B, C, 6, 5), convolved and scaled by a half."""
    from openvino import opset1

    images = opset1.parameter([-1, filters.shape[1], 6, 5], np.float32, "images")
    above, below = (opset1.constant(np.float32(number)) for number in sign)
    signs = opset1.select(opset1.greater(images, opset1.constant(np.float32(0))), above, below)
    padding = [filters.shape[-1] // 2] * 2
    maps = opset1.convolution(signs, opset1.constant(filters), [stride] * 2, padding, padding, [1, 1])
    model = openvino.Model([opset1.multiply(maps, opset1.constant(np.float32(0.5)))], [images], "signs")
    model.inputs[0].get_tensor().set_names({"images"})
    model.outputs[0].get_tensor().set_names({"maps"})
    return model


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (1, 2)])
def test_packed_signs_give_the_same_numbers(kernel, stride):
    generator = np.random.default_rng(0)
    filters = generator.choice(np.float32([-1, 1]), (33, 40, kernel, kernel))
    images = generator.normal(size=(3, 40, 6, 5)).astype(np.float32)
    images[0, 0, 0, 0] = 0.0
    model = graph(filters, stride)
    assert pack_binary_convolutions(model) == 1
    found = OneByOne(openvino.Core(), model, {"INFERENCE_NUM_THREADS": 1})({"images": images})["maps"]
    signs = torch.where(torch.from_numpy(images) > 0, 1.0, -1.0)
    expected = 0.5 * F.conv2d(signs, torch.from_numpy(filters), stride=stride, padding=kernel // 2)
    np.testing.assert_array_equal(found, expected.numpy())


def test_others_are_left_as_they_are():
    """Factors that are no signs, and channels that do not fill whole bytes."""
    filters = np.random.default_rng(0).choice(np.float32([-1, 1]), (4, 8, 3, 3))
    assert pack_binary_convolutions(graph(filters[:, :7], 1)) == 0
    assert pack_binary_convolutions(graph(filters, 1, sign=(1.0, 0.0))) == 0
    filters[1, 1, 1, 1] = 0.5
    assert pack_binary_convolutions(graph(filters, 1)) == 0


@pytest.mark.slow
def test_a_binary_network_is_run_on_packed_bits(tmp_path):
    run = smoke_run("bire-id")
    write_export(run, tmp_path)
    backend = open_backend("openvino", tmp_path, threads=1)
    assert isinstance(backend.models[0], OneByOne)
    images = noise(3, run.input_size)
    assert_same(backend.step(backend.start(images), 0)[1], embed(run.network, images)[0], run.network.exits[0])
