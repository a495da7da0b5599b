"""Eight-bit graphs: ranges of every convolution taken from images, by ONNX Runtime's static quantisation."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.inference.backends.backend import needed
from bench.inference.export.graphs import Traced
from bench.progress import SILENT, Reporter

CALIBRATION_BATCH = 16
QUANTISED = ("Conv", "Add", "Relu", "MaxPool", "Concat")
"""Operators in eight bits, where they make maps: convolutions, and what lies between them. What follows the pooling of
a head stays in float32: there a sign can turn on a small error, and nothing would be saved."""
MAP_DIMENSIONS = 4
Batches = list[dict[str, NDArray[Any]]]


def quantise_steps(steps: Sequence[Traced], images: NDArray[np.float32], reporter: Reporter = SILENT) -> list[Traced]:
    """Quantise float32 steps; normalised ``images`` (N, 3, H, W) go through them and fix the ranges of each.

    Weights are eight-bit by output channel, activations by tensor; states are handed on in float32. Raises
    :class:`BenchError` where a step cannot be quantised, and for transformers, in which next to nothing would be.
    """
    engine = needed("onnxruntime", "export", "int8")
    _check_convolutional(steps)
    batches: Batches = [
        {steps[0].inputs[0]: images[first : first + CALIBRATION_BATCH]}
        for first in range(0, len(images), CALIBRATION_BATCH)
    ]
    quantised = []
    with reporter.task("quantising", len(steps), unit="steps") as task:
        for number, step in enumerate(steps, start=1):
            try:
                quantised.append(replace(step, model=_quantise(step.model, batches)))
            except Exception as problem:  # its errors share no base of their own
                raise BenchError(f"step {number} cannot be quantised: {type(problem).__name__}: {problem}") from problem
            if number < len(steps):
                session = engine.InferenceSession(step.model.SerializeToString())
                names = list(step.outputs[1:])
                batches = [dict(zip(names, session.run(names, batch), strict=True)) for batch in batches]
            task.advance()
    return quantised


def _check_convolutional(steps: Sequence[Traced]) -> None:
    """Raise :class:`BenchError` where more weights are in products of matrices than in convolutions, heads aside."""
    weights = dict.fromkeys(("Conv", "MatMul"), 0)
    for step in steps:
        sizes = {tensor.name: math.prod(tensor.dims) for tensor in step.model.graph.initializer}
        for node in step.model.graph.node:
            if node.op_type in weights:
                weights[node.op_type] += sum(sizes.get(name, 0) for name in node.input)
    if weights["MatMul"] > weights["Conv"]:
        share = weights["MatMul"] / sum(weights.values())
        raise BenchError(
            f"int8 is for convolutions: {share:.0%} of the weights of this network's layers are multiplied "
            "as matrices, and would stay in float32; export float32 or float16"
        )


def _quantise(model: Any, batches: Batches) -> Any:
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self.remaining = iter(batches)

        def get_next(self) -> dict[str, NDArray[Any]] | None:
            return next(self.remaining, None)

    with TemporaryDirectory() as folder, _quiet():
        given, prepared, result = (str(Path(folder) / f"{name}.onnx") for name in ("given", "prepared", "quantised"))
        onnx.save_model(model, given)
        # Folds batch norms into convolutions: otherwise their scale would be applied after rounding.
        quant_pre_process(given, prepared, skip_symbolic_shape=True)
        quantization.quantize_static(
            prepared,
            result,
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTISED),
            nodes_to_exclude=_beside_maps(onnx.shape_inference.infer_shapes(onnx.load_model(prepared))),
            per_channel=True,
        )
        return onnx.load_model(result)


def _beside_maps(model: Any) -> list[str]:
    """Name the nodes of a graph that make no maps (B, C, H, W)."""
    known = (*model.graph.value_info, *model.graph.output)
    maps = {value.name for value in known if len(value.type.tensor_type.shape.dim) == MAP_DIMENSIONS}
    return [node.name for node in model.graph.node if not maps.issuperset(node.output)]


@contextmanager
def _quiet() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    try:
        root.setLevel(logging.ERROR)
        yield
    finally:
        root.setLevel(level)
