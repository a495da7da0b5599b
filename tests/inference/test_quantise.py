"""What is quantised to eight bits, and what is refused because nearly nothing of it would be."""

import numpy as np
import pytest

from bench.errors import BenchError
from bench.inference.export.graphs import Traced
from bench.inference.export.quantise import quantise_steps

onnx = pytest.importorskip("onnx", reason="exporting needs the extra export")
pytest.importorskip("onnxruntime", reason="exporting needs the extra export")

CHANNELS = 4


def step(matrices):
    """One step: a convolution of 3 to 4 channels (108 weights), pooled, and products with 4×4 matrices (16 each)."""
    from onnx import TensorProto, helper, numpy_helper

    draw = np.random.default_rng(0)
    kernel = draw.standard_normal((CHANNELS, 3, 3, 3), dtype=np.float32)
    weights = [numpy_helper.from_array(kernel, "kernel")]
    nodes = [
        helper.make_node("Conv", ["images", "kernel"], ["maps"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["maps"], ["pooled"], name="pool"),
        helper.make_node("Flatten", ["pooled"], ["product0"], name="flatten"),
    ]
    for number in range(matrices):
        matrix = draw.standard_normal((CHANNELS, CHANNELS), dtype=np.float32)
        weights.append(numpy_helper.from_array(matrix, f"matrix{number}"))
        names = [f"product{number}", f"matrix{number}"]
        nodes.append(helper.make_node("MatMul", names, [f"product{number + 1}"], name=f"product-{number}"))
    nodes.append(helper.make_node("Identity", [f"product{matrices}"], ["embedding"], name="end"))
    graph = helper.make_graph(
        nodes,
        "step",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, 8, 4])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", CHANNELS])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return Traced(model, ("images",), ("embedding",))


IMAGES = np.random.default_rng(1).standard_normal((4, 3, 8, 4), dtype=np.float32)


def test_convolutions_are_in_eight_bits_and_products_beside_them_are_not():
    (quantised,) = quantise_steps([step(matrices=6)], IMAGES)
    weights = {tensor.name: tensor.data_type for tensor in quantised.model.graph.initializer}
    assert [kind for name, kind in weights.items() if name.startswith("kernel_quant")] == [onnx.TensorProto.INT8]
    assert [kind for name, kind in weights.items() if name.startswith("matrix")] == [onnx.TensorProto.FLOAT] * 6


def test_a_network_of_matrices_is_not_called_eight_bits():
    """Seven matrices have 112 weights, more than the convolution's 108."""
    with pytest.raises(BenchError, match="int8 is for convolutions: 51% of the weights of this network's layers"):
        quantise_steps([step(matrices=7)], IMAGES)
