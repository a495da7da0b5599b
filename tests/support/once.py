"""What several test processes need and any of them can make: made once, pickled, read by the others."""

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from bench.cost.macs import count
from bench.inference.export.graphs import trace_steps
from bench.inference.export.trained import weights_sha256
from bench.progress import SILENT
from bench.spec import digest


def once(path: Path, make: Callable[[], Any]) -> Any:
    path.parent.mkdir(exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            path.write_bytes(pickle.dumps(make()))
    return pickle.loads(path.read_bytes())


@cache
def operators(make: Callable[..., Any], **options: Any) -> Any:
    """Give a table of operators to the exporter: it makes its tables for every graph, half of its time."""
    return make(**options)


@contextmanager
def operators_compiled_once() -> Iterator[None]:
    try:
        from torch.export import decomp_utils, exported_program
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        make, composite = ONNXRegistry.from_torchlib, exported_program._collect_all_valid_cia_ops
    except (ImportError, AttributeError):  # another version of torch keeps them elsewhere: slower, and the same
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(partial(operators, make)))
        for module in (decomp_utils, exported_program):
            patch.setattr(module, "_collect_all_valid_cia_ops", partial(operators, composite))
        yield


class KeptTraces:
    """Stands in for ``trace_steps``: the exporter takes seconds a step, and one network gives the same graphs."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __call__(self, network, input_size, *, half=False, reporter=SILENT):
        import onnx

        def make():
            with operators_compiled_once():
                traced = list(trace_steps(network, input_size, half=half, reporter=reporter))
            return [replace(step, model=step.model.SerializeToString()) for step in traced]

        path = self.folder / f"{digest([weights_sha256(network), list(input_size), half])}.pickle"
        return [replace(step, model=onnx.load_from_string(step.model)) for step in once(path, make)]


@contextmanager
def nameless_traces() -> Iterator[None]:
    """Trace without looking through every caller's variables for a tensor's name, which nobody asks for."""
    with pytest.MonkeyPatch.context() as patch:
        # Another version of torch may have no such function: slower, and the same.
        patch.setattr("torch.jit._trace._create_interpreter_name_lookup_fn", lambda *_: _no_name, raising=False)
        yield


def _no_name(variable: Any) -> str:
    return ""


class KeptCounts:
    """Stands in for ``count``, for networks of methods: their modules and exits say what they compute."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __call__(self, network, input_size):
        if type(network).__module__.partition(".")[0] not in ("hashreid", "baselines"):
            return count(network, input_size)  # a test's own, of which two may differ in their steps alone
        computed = [repr(network), repr(network.exits), list(input_size)]
        return once(self.folder / f"{digest(computed)}.pickle", lambda: count(network, input_size))
