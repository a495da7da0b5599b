"""The backend ``onnxruntime``: exported graphs on a processor, or by CUDA where its provider is installed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from bench.errors import BenchError
from bench.inference.backends.backend import Backend, BackendKind, needed
from bench.inference.backends.graphs import Arrays, GraphBackend, checked_export, unreadable
from bench.inference.export.card import ModelCard
from bench.threads import usable_cores

if TYPE_CHECKING:
    from bench.networks import MultiExitNetwork

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


class OnnxRuntime(GraphBackend):
    """Holds one session a step. On CUDA a state passes through the processor's memory between steps."""

    name = "onnxruntime"

    def __init__(self, folder: Path, card: ModelCard, threads: int, device: str) -> None:
        super().__init__(folder, card)
        self.threads = threads
        self.device = device
        self.sessions = [self._session(folder / exit_.file) for exit_ in card.exits]

    def _session(self, path: Path) -> Any:
        engine = needed("onnxruntime", "export", "backend onnxruntime")
        options = engine.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Each session has threads of its own; those of a step that is over must not spin beside the next one.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        providers = dict.fromkeys((PROVIDERS[self.device], PROVIDERS["cpu"]))
        try:
            return engine.InferenceSession(str(path), options, providers=list(providers))
        except Exception as problem:  # its errors share no base of their own
            raise unreadable(path, self.name, problem) from problem

    def _run(self, exit_index: int, arrays: Arrays, names: Sequence[str]) -> Sequence[NDArray[Any]]:
        inputs = self.card.exits[exit_index].inputs
        return self.sessions[exit_index].run(list(names), dict(zip(inputs, arrays, strict=True)))


def _open(model: MultiExitNetwork | Path, *, precision: str | None, threads: int | None, device: str) -> Backend:
    folder, card = checked_export(model, "onnxruntime")
    if precision not in (None, card.precision):
        raise BenchError(f"{folder} computes in {card.precision}, not {precision}: export with --precision {precision}")
    available = needed("onnxruntime", "export", "backend onnxruntime").get_available_providers()
    if device == "auto":
        device = "cuda" if PROVIDERS["cuda"] in available else "cpu"
    if PROVIDERS.get(device) not in available:
        raise BenchError(
            f"onnxruntime cannot run on {device} here: it has {', '.join(available)}; use --device cpu, or for cuda "
            "install onnxruntime-gpu in place of onnxruntime"
        )
    return OnnxRuntime(folder, card, threads or usable_cores(), device)


ONNXRUNTIME = BackendKind(
    "onnxruntime",
    "exported ONNX graphs by ONNX Runtime; processor, and CUDA with onnxruntime-gpu",
    reads="export",
    open=_open,
    packages=("onnxruntime",),
    extra="export",
)
