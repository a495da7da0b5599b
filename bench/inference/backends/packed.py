"""Convolutions of signs with signs in a graph of OpenVINO, replaced by its own of packed bits.

Exported graphs have them as convolutions of numbers that are ±1. OpenVINO's ``BinaryConvolution`` packs both sides into
bits, and takes an exclusive-or and a population count (opset 1, ``xnor-popcount``): the same whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIGNS = [1.0, -1.0]
BYTE = 8
"""OpenVINO 2026.4 packs channels by the byte, and gives wrong numbers where they do not fill the last one."""


class OneByOne:
    """A model with packed convolutions, which take a fixed number of images: compiled for one, run for each of a batch.

    Called like a compiled model, with an array (B, …) for every input; gives an array (B, …) for every output, by name.
    """

    def __init__(self, core: Any, model: Any, settings: Mapping[str, Any]) -> None:
        model.reshape({port: [1, *list(port.partial_shape)[1:]] for port in model.inputs})
        self.compiled = core.compile_model(model, "CPU", settings)

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run each image of a batch."""
        names = [port.any_name for port in self.compiled.outputs]
        rows: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
        for number in range(len(next(iter(inputs.values())))):
            found = self.compiled({name: array[number : number + 1] for name, array in inputs.items()})
            for name in names:
                rows[name].append(found[name].copy())
        return {name: np.concatenate(parts) for name, parts in rows.items()}


def pack_binary_convolutions(model: Any) -> int:
    """Replace every convolution of ±1 with ±1 of an ``openvino.Model`` in place; gives how many there were.

    One is recognised by its factors: ``x > 0 ? 1 : -1`` on the side of the activations, and nothing but ±1 in the
    filters. Those whose input channels are no multiple of :data:`BYTE` stay. What is padded adds nothing, as before.
    """
    replaced = 0
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Convolution" or node.get_element_type().to_string() != "f32":
            continue
        activations, filters = _sign_of(node.input_value(0)), _signs(node.input_value(1))
        if activations is None or filters is None or filters.shape[1] % BYTE:
            continue
        for target in node.output(0).get_target_inputs():
            target.replace_source_output(_packed(node, activations, filters).output(0))
        replaced += 1
    return replaced


def _sign_of(value: Any) -> Any | None:
    """Give x of ``x > 0 ? 1 : -1``; None for all else."""
    select = value.get_node()
    if select.get_type_name() != "Select" or [_number(select.input_value(side)) for side in (1, 2)] != SIGNS:
        return None
    condition = select.input_value(0).get_node()
    if condition.get_type_name() != "Greater" or _number(condition.input_value(1)) != 0:
        return None
    return condition.input_value(0)


def _signs(value: Any) -> NDArray[np.float32] | None:
    """Give filters that are ±1 alone, as they are stored or as the signs of what is; None for others."""
    signed = _sign_of(value)
    filters = _constant(value if signed is None else signed)
    if filters is None:
        return None
    if signed is not None:
        filters = np.where(filters > 0, np.float32(1), np.float32(-1))
    return filters if (np.abs(filters) == 1).all() else None


def _constant(value: Any) -> NDArray[np.float32] | None:
    node = value.get_node()
    return node.data if node.get_type_name() == "Constant" else None


def _number(value: Any) -> float | None:
    found = _constant(value)
    return float(found.flat[0]) if found is not None and found.size == 1 else None


def _packed(node: Any, activations: Any, filters: NDArray[np.float32]) -> Any:
    import openvino
    from openvino import opset1

    # Bits of a tensor of u1 are packed from the lowest on. The tensor only looks at the array: the constant copies it.
    bits = np.packbits(filters.ravel() > 0, bitorder="little")
    tensor = openvino.Tensor(bits, openvino.Shape(filters.shape), openvino.Type.u1)
    packed = openvino.op.Constant(tensor, shared_memory=False)
    zero, one = (opset1.constant(np.float32(number)) for number in (0, 1))
    # Up to the threshold 0, above it 1: the form of a sign that BinaryConvolution reads.
    threshold = opset1.constant(np.zeros((1, filters.shape[1], 1, 1), np.float32))
    signs = opset1.fake_quantize(activations, threshold, threshold, zero, one, 2)
    settings = node.get_attributes()
    return opset1.binary_convolution(
        signs,
        packed,
        list(settings["strides"]),
        list(settings["pads_begin"]),
        list(settings["pads_end"]),
        list(settings["dilations"]),
        "xnor-popcount",
        0.0,
        settings["auto_pad"],
    )
