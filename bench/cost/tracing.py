"""The trace of one call, and the cost of its operators. The only module that uses fvcore."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from bench.cost.operators import OPERATORS, Handler, Work
from bench.errors import BenchError
from bench.networks import BINARY_PRODUCTS


@dataclass(frozen=True)
class OperatorCost:
    """Total cost of all calls of one operator in one step; work on weights alone is a call, and no elementwise work."""

    name: str
    calls: int
    macs: int
    elementwise_operations: int


@dataclass(frozen=True)
class Traced:
    """Work of a call: the total, that of modules under ``heads``, and that of each operator.

    ``binary_macs`` are the MACs, of those in the total, of modules that multiply ±1 with ±1 alone.
    """

    total: Work
    head: Work
    binary_macs: int
    operators: tuple[OperatorCost, ...]


def trace(module: nn.Module, inputs: tuple[Tensor, ...], location: str) -> Traced:
    """Trace one call and sum the cost of its operators; ``location`` names the call in messages.

    Elementwise work whose result depends on no input, such as the signs of binary weights, is done once for all images
    and is left out. Raises :class:`BenchError` for operators without a handler.
    """
    with warnings.catch_warnings(action="ignore"):  # importing it scripts a function, which torch deprecates
        from fvcore.nn.jit_analysis import JitModelAnalysis

    analysis = JitModelAnalysis(module, inputs)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    # OPERATORS alone decides, also on operators that fvcore ignores by default: it looks for handles first.
    analysis.clear_op_handles()
    depends = _OnInputs(len(inputs))
    analysis.set_op_handle(**{name: _in_columns(name, handler, depends) for name, handler in OPERATORS.items()})
    by_module = analysis.by_module_and_operator()
    entries: Counter[tuple[str, str]] = by_module[""]
    unruled = Counter({name: calls for (column, name), calls in entries.items() if column == "unruled"})
    unruled.update(analysis.unsupported_ops())
    if unruled:
        named = ", ".join(f"{name} (calls: {calls})" for name, calls in sorted(unruled.items()))
        raise BenchError(
            f"the cost of these operators is not defined: {named}, in {location}. Add a handler for each to "
            "OPERATORS in bench/cost/operators.py (or, from your own package, before counting): `free` for pure data "
            "movement, `per_output(n)` for elementwise work, one that returns MACs where there are any."
        )
    return Traced(
        total=_sum(entries),
        head=_sum(by_module.get("heads", {})),
        binary_macs=sum(_sum(by_module.get(name, {})).macs for name in _binary_modules(module)),
        operators=tuple(
            OperatorCost(name, entries["calls", name], entries["macs", name], entries["elementwise", name])
            for name in sorted({name for _, name in entries})
        ),
    )


class _OnInputs:
    """Tells which values of one trace depend on its inputs, and not on parameters and constants alone."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._known: dict[str, bool] = {}

    def __call__(self, value: Any) -> bool:
        """Whether a value (of torch's graph) does. Graphs are deeper than Python's stack: no recursion."""
        waiting = [value]
        while waiting:
            name, node = waiting[-1].debugName(), waiting[-1].node()
            if name not in self._known:
                if node.kind() == "prim::Param":
                    self._known[name] = waiting[-1].offset() < self._count  # parameters come behind the inputs
                else:
                    before = list(node.inputs())
                    unknown = [one for one in before if one.debugName() not in self._known]
                    if unknown:
                        waiting += unknown
                        continue
                    self._known[name] = any(self._known[one.debugName()] for one in before)
            waiting.pop()
        return self._known[value.debugName()]


def _in_columns(name: str, handler: Handler, depends: _OnInputs) -> Any:
    """Wrap a handler so that it counts by (column, operator)."""

    def handle(inputs: list[Any], outputs: list[Any]) -> Counter[tuple[str, str]]:
        work = handler(inputs, outputs)
        if work is None:
            return Counter({("unruled", name): 1})
        elementwise = work.elementwise_operations if any(map(depends, outputs)) else 0
        return Counter({("calls", name): 1, ("macs", name): work.macs, ("elementwise", name): elementwise})

    return handle


def _binary_modules(module: nn.Module) -> list[str]:
    """Names of the modules that multiply ±1 with ±1 alone, none of them within another."""
    names: list[str] = []
    for name, part in module.named_modules():
        if getattr(part, BINARY_PRODUCTS, False) is True and not any(name.startswith(f"{outer}.") for outer in names):
            names.append(name)
    return names


def _sum(entries: Mapping[tuple[str, str], int]) -> Work:
    """Sum both columns over all operators."""
    macs, elementwise = (
        sum(n for (column, _), n in entries.items() if column == wanted) for wanted in ("macs", "elementwise")
    )
    return Work(macs, elementwise)
