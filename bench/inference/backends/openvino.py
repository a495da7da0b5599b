"""The backend ``openvino``: exported graphs on a processor, by OpenVINO."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.inference.backends.backend import Backend, BackendKind, needed
from bench.inference.backends.graphs import Arrays, GraphBackend, checked_export, unreadable
from bench.inference.backends.packed import OneByOne, pack_binary_convolutions
from bench.inference.export.card import ModelCard
from bench.threads import usable_cores

if TYPE_CHECKING:
    from bench.networks import MultiExitNetwork

HINTS = {"float32": "f32", "bfloat16": "bf16"}


class OpenVino(GraphBackend):
    """Holds one compiled model a step. Graphs of float32 can be run in bfloat16; int8 graphs say themselves what is.

    Convolutions of signs with signs are run on packed bits.
    """

    name = "openvino"
    device = "cpu"

    def __init__(self, folder: Path, card: ModelCard, precision: str, threads: int) -> None:
        super().__init__(folder, card)
        self.precision = precision
        self.threads = threads
        self.models = [self._compile(folder / exit_.file) for exit_ in card.exits]

    def _compile(self, path: Path) -> Any:
        engine = needed("openvino", "openvino", "backend openvino")
        # Left to itself, OpenVINO takes bfloat16 for float32 where the processor has it, and codes change.
        settings = {
            "INFERENCE_PRECISION_HINT": HINTS.get(self.precision, "f32"),
            "INFERENCE_NUM_THREADS": self.threads,
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
        }
        try:
            core = engine.Core()
            model = core.read_model(str(path))
            packed = OneByOne(core, model, settings) if pack_binary_convolutions(model) else None
            compiled = packed.compiled if packed else core.compile_model(model, "CPU", settings)
        except RuntimeError as problem:
            # Lines before the last say where in its sources that was.
            raise unreadable(path, self.name, problem, line=-1) from problem
        # A hint alone: where the processor cannot, all is computed in float32 and nothing is said.
        if self.precision == "bfloat16" and compiled.get_property("INFERENCE_PRECISION_HINT") != engine.Type.bf16:
            raise BenchError(
                "openvino cannot compute in bfloat16 on this processor and would take float32 in its place: use "
                "--precision float32"
            )
        return packed or compiled

    def _run(self, exit_index: int, arrays: Arrays, names: Sequence[str]) -> Sequence[NDArray[Any]]:
        results = self.models[exit_index](dict(zip(self.card.exits[exit_index].inputs, arrays, strict=True)))
        return [np.asarray(results[name]) for name in names]


def _open(model: MultiExitNetwork | Path, *, precision: str | None, threads: int | None, device: str) -> Backend:
    folder, card = checked_export(model, "openvino")
    if device not in ("auto", "cpu"):
        raise BenchError(f"backend openvino runs on the processor, not on {device}")
    if precision not in (None, card.precision) and (card.precision, precision) != ("float32", "bfloat16"):
        raise BenchError(
            f"{folder} computes in {card.precision}, not {precision}: export with --precision {precision}; "
            "only float32 graphs can be opened in bfloat16 as well"
        )
    return OpenVino(folder, card, precision or card.precision, threads or usable_cores())


OPENVINO = BackendKind(
    "openvino",
    "exported ONNX graphs by OpenVINO; processor",
    reads="export",
    open=_open,
    packages=("openvino",),
    extra="openvino",
)
