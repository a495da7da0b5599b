"""A graph cut into one function a step, each from the values that are still needed to the next exit."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from bench.errors import BenchError

Step = Callable[..., tuple[Tensor, ...]]
"""``step(module, *state)`` gives the next state, flat: the value at the exit, then the others that are still needed."""
Values = Mapping[fx.Node, Any]
IN_PLACE = (operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow, operator.setitem)
BATCHES = (2, 3)
"""Sizes of the two batches that show which values have a row for every image."""


@dataclass(frozen=True)
class Cut:
    """Where to cut: a graph, the node of each exit, and the values of all nodes for two batches of :data:`BATCHES`."""

    graph: fx.Graph
    exits: Sequence[fx.Node]
    names: Sequence[str]
    values: tuple[Values, Values]


def record(
    module: nn.Module, graph: fx.Graph, exits: Sequence[fx.Node], input_size: tuple[int, int]
) -> tuple[Values, Values]:
    """Run what exits depend on for a batch of each of :data:`BATCHES`, in the module's mode; keep what nodes gave."""
    first, second = (_Recorder(module, graph, exits).record(torch.rand(batch, 3, *input_size)) for batch in BATCHES)
    return first, second


class _Recorder(fx.Interpreter):
    def __init__(self, module: nn.Module, graph: fx.Graph, exits: Sequence[fx.Node]) -> None:
        super().__init__(module, garbage_collect_values=False, graph=graph)
        self.needed = needed_nodes(exits)

    @torch.no_grad()
    def record(self, images: Tensor) -> Values:
        # Other placeholders are arguments that keep their defaults; nothing that is needed reads them.
        placeholders = sum(node.op == "placeholder" for node in self.graph.nodes)
        self.run(images, *[None] * (placeholders - 1), enable_io_processing=False)
        return self.env

    def run_node(self, n: fx.Node) -> Any:
        """Run a node, unless no exit depends on it."""
        return super().run_node(n) if n in self.needed or n.op == "placeholder" else None


def needed_nodes(exits: Sequence[fx.Node]) -> set[fx.Node]:
    """Give the nodes that exits depend on, themselves included; what changes a value in place is one of them."""
    needed: set[fx.Node] = set()
    before = itertools.takewhile(lambda node: node is not exits[-1], exits[-1].graph.nodes)
    waiting = [*exits, *filter(changes_in_place, before)]
    while waiting:
        node = waiting.pop()
        if node not in needed:
            needed.add(node)
            waiting += node.all_input_nodes
    return needed


def changes_in_place(node: fx.Node) -> bool:
    """Whether an operation changes one of its tensors: nobody may read what it returns, and it counts all the same."""
    if node.op == "call_method":
        name = str(node.target)
    elif node.op == "call_function":
        name = getattr(node.target, "__name__", "")
        if node.kwargs.get("inplace") or "out" in node.kwargs or node.target in IN_PLACE:
            return True
    else:
        return False
    return name.endswith("_") and not name.endswith("__")


def steps(cut: Cut, module: nn.Module) -> list[Step]:
    """Make one function for each exit of the module that was traced.

    Nodes run in the order of the program, so that operations in place find what they found in the whole. Raises
    :class:`BenchError` where a later step needs a value that has no row for every image.
    """
    order = {node: index for index, node in enumerate(cut.graph.nodes)}
    needed = sorted(needed_nodes(cut.exits), key=order.__getitem__)
    images = next(node for node in cut.graph.nodes if node.op == "placeholder")
    made = []
    state = [images]
    for number, exit_ in enumerate(cut.exits):
        begin = order[cut.exits[number - 1]] if number else -1
        inside = [node for node in needed if begin < order[node] <= order[exit_] and node is not images]
        later = {source for node in needed if order[node] > order[exit_] for source in node.all_input_nodes}
        kept = [
            node
            for node in needed
            if node in later and order[node] <= order[exit_] and node is not exit_ and node.op != "get_attr"
        ]
        leaving = [exit_, *kept]
        made.append(_compiled(cut, module, state, inside, leaving, number))
        state = leaving
    return made


def _compiled(
    cut: Cut,
    module: nn.Module,
    state: Sequence[fx.Node],
    inside: Sequence[fx.Node],
    leaving: Sequence[fx.Node],
    number: int,
) -> Step:
    graph = fx.Graph()
    known: dict[fx.Node, Any] = {}
    enter = iter(lambda: graph.placeholder(f"state_{len(graph.nodes)}"), None)
    first = next(enter)
    known[state[0]] = first
    for node in state[1:]:
        known[node] = _rebuilt(graph, _Kept(cut, node, number - 1).both, enter, first)

    def found(node: fx.Node) -> Any:
        if node not in known:
            known[node] = graph.node_copy(node, found)  # a parameter that an earlier step has read as well
        return known[node]

    for node in inside:
        known[node] = graph.node_copy(node, found)
    outputs = [known[leaving[0]]]
    for node in leaving[1:]:
        outputs += _taken(graph, _Kept(cut, node, number).both, known[node])
    graph.output(tuple(outputs))
    # Its method alone is kept: it takes the module whose parts it runs, so that these are registered nowhere else.
    step: Step = type(fx.GraphModule(module, graph)).forward
    return step


# ---- values that go from one step to the next ------------------------------------------------------------------


@dataclass(frozen=True)
class _Kept:
    """A value that is needed after a cut, as it was for the two batches: tensors are carried, the rest is made again.

    Raises :class:`BenchError` for a value that has no row for every image.
    """

    cut: Cut
    node: fx.Node
    number: int

    @property
    def both(self) -> tuple[Any, Any]:
        """The value for the two batches."""
        first, second = (values[self.node] for values in self.cut.values)
        self._check(first, second)
        return first, second

    def _check(self, first: Any, second: Any) -> None:
        if isinstance(first, Tensor):
            shapes = tuple(first.shape), tuple(second.shape)
            if not first.ndim or (shapes[0][0], shapes[1][0]) != BATCHES or shapes[0][1:] != shapes[1][1:]:
                raise self._refused(f"has shape {shapes[0]} for {BATCHES[0]} images and {shapes[1]} for {BATCHES[1]}")
        elif isinstance(first, (tuple, list)) and len(first) == len(second):
            for one, other in zip(first, second, strict=True):
                self._check(one, other)
        elif isinstance(first, dict) and first.keys() == second.keys():
            for key in first:
                self._check(first[key], second[key])
        elif not isinstance(first, (int, float, str, type(None), torch.dtype, torch.device)):
            raise self._refused(f"is a {type(first).__name__}")
        elif first != second and (first, second) != BATCHES:
            raise self._refused(f"is {first} for {BATCHES[0]} images and {second} for {BATCHES[1]}")

    def _refused(self, what: str) -> BenchError:
        source = self.node.target if self.node.op == "call_module" else self.node.name
        return BenchError(
            f"cannot cut after {self.cut.names[self.number]}: what runs later needs the value {source!r}, which "
            f"{what}. Images that stay take their rows of such a value along, so it must have one row an image, first: "
            "cut before it is made, or after its last use"
        )


def _rebuilt(graph: fx.Graph, both: Any, enter: Iterator[fx.Node], first: fx.Node) -> Any:
    """Make a value again: tensors enter one by one, ``first`` tells the number of images, the rest is constant."""
    one, other = both
    if isinstance(one, Tensor):
        return next(enter)
    if isinstance(one, (tuple, list)):
        parts = [_rebuilt(graph, pair, enter, first) for pair in zip(one, other, strict=True)]
        return parts if isinstance(one, list) else tuple(parts)
    if isinstance(one, dict):
        return {key: _rebuilt(graph, (one[key], other[key]), enter, first) for key in one}
    if one != other:
        return graph.call_function(operator.getitem, (graph.call_function(getattr, (first, "shape")), 0))
    return one


def _taken(graph: fx.Graph, both: Any, node: fx.Node) -> list[fx.Node]:
    """Take the tensors out of a value, in the order in which they enter the next step."""
    one, other = both
    if isinstance(one, Tensor):
        return [node]
    if isinstance(one, (tuple, list)):
        keys: Any = range(len(one))
    else:
        keys = one if isinstance(one, dict) else ()
    taken = []
    for key in keys:
        if _tensors(one[key]):
            part = graph.call_function(operator.getitem, (node, key))
            taken += _taken(graph, (one[key], other[key]), part)
    return taken


def _tensors(value: Any) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else ()
    return isinstance(value, Tensor) or any(_tensors(part) for part in parts)
