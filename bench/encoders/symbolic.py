"""A module's execution as a graph of its submodules' calls, by torch.fx."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn

from bench.errors import BenchError, unknown_name

ROOT = "the network itself"
OURS = (str(Path(torch.__file__).parent), __file__)
"""Files whose lines say nothing to a user."""


class CutTracer(fx.Tracer):
    """Follows a module's ``forward``, and looks into those submodules alone that hold a place of an exit.

    All others are calls of one piece, whatever they do inside. ``found`` is what each place of an exit returns.
    """

    def __init__(self, at: Sequence[str]) -> None:
        super().__init__()
        self.at = at
        self.proxy_buffer_attributes = True  # what is made of buffers alone is made anew in every pass
        self.found: dict[str, fx.Node] = {}
        self.location = [""]

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a submodule is called in one piece."""
        return not any(place.startswith(f"{module_qualified_name}.") for place in self.at)

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        """Follow a call of a submodule, and note what a place of an exit returns.

        Raises :class:`BenchError` where a place of an exit runs twice, or returns no single tensor.
        """
        name = self.path_of_module(m)
        self.location.append(name)
        value = super().call_module(m, forward, args, kwargs)
        self.location.pop()  # an error leaves it, and so says where it was raised
        if name in self.at:
            if name in self.found:
                raise BenchError(f"{name} runs more than once in a pass, so an exit after it has no one place")
            if not isinstance(value, fx.Proxy):
                raise BenchError(
                    f"{name} returns a {type(value).__name__}; an exit needs a module that returns one tensor: name a "
                    "module within it"
                )
            self.found[name] = value.node
        return value


def trace_to(module: nn.Module, at: Sequence[str]) -> tuple[fx.Graph, list[fx.Node]]:
    """Trace a module in its current mode; gives the graph, and the node of each of ``at``, in their order.

    Raises :class:`BenchError` for an unknown place, one that does not run or runs twice, places in another order than
    they run in, and a ``forward`` that torch.fx cannot follow: the message names module and line.
    """
    known = [name for name, _ in module.named_modules() if name]
    for name in at:
        if name not in known:
            raise unknown_name("submodule", name, known)
    tracer = CutTracer(at)
    # Arguments beside the images keep their defaults.
    defaults = {
        name: parameter.default
        for name, parameter in list(inspect.signature(module.forward).parameters.items())[1:]
        if parameter.default is not parameter.empty
    }
    try:
        graph = tracer.trace(module, concrete_args=defaults or None)
    except BenchError:
        raise
    except Exception as problem:  # what a stranger's forward does with values that are not there yet
        raise _not_followed(module, tracer.location[-1], problem) from problem
    missing = [name for name in at if name not in tracer.found]
    if missing:
        raise BenchError(f"{missing[0]} does not run when the network is called: choose a module that does")
    order = list(graph.nodes)
    ran = sorted(at, key=lambda name: order.index(tracer.found[name]))
    if ran != list(at):
        raise BenchError(f"exits are named in the order in which they run: {', '.join(ran)}; found {', '.join(at)}")
    return graph, [tracer.found[name] for name in at]


def _not_followed(module: nn.Module, name: str, problem: Exception) -> BenchError:
    frames = [frame for frame in traceback.extract_tb(problem.__traceback__) if not frame.filename.startswith(OURS)]
    place = module.get_submodule(name)
    line = f", {Path(frames[-1].filename).name} line {frames[-1].lineno}: {frames[-1].line}" if frames else ""
    reason = (str(problem) or type(problem).__name__).splitlines()[0]
    return BenchError(
        f"cannot follow the forward of {name or ROOT} ({type(place).__name__}){line} ({reason}). Exits can be cut out "
        "of a forward that does not depend on values of its tensors; modules that hold no exit may do as they like: "
        "put that line into a submodule, or the exits elsewhere"
    )
