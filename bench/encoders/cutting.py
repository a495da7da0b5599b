"""Any module as an encoder: its execution is cut after named submodules, and proven equal to the whole."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, fx, nn

from bench.encoders.encoder import Encoder
from bench.encoders.segments import Cut, Step, needed_nodes, record, steps
from bench.encoders.symbolic import trace_to
from bench.errors import BenchError

Maps = Callable[[Tensor], Tensor]
"""Turns what a module returns into maps (B, C, H, W), where it returns something else."""
ROWS = (2, 0)
"""Images of a batch of three that stay, in the proof that an image does not depend on the others."""


def cut_module(
    module: nn.Module, at: Sequence[str], *, input_size: tuple[int, int] = (256, 128), maps: Maps | None = None
) -> Encoder:
    """Cut a network into a stage for each of ``at``, names of submodules in the order in which they run.

    The network is copied, with its weights; what runs after the last place is left out. A stage runs what the whole
    runs up to its place, operation by operation, and passes on the values that are still needed. It is checked at
    ``input_size`` (height, width) that this gives the same values to the bit.

    An exit reads what its place returns: maps (B, C, H, W); tokens (B, T, C), as maps of T rows; features (B, C).
    ``maps`` makes maps of anything else, such as tokens that lie on a grid or maps with channels last.

    Raises :class:`BenchError` where the network cannot be cut there: the message says where and why.
    """
    if isinstance(at, str):
        raise BenchError(f"at is a list of names, as [{at!r}]")
    at = tuple(at)
    if not at or len(set(at)) < len(at) or not all(isinstance(name, str) for name in at):
        raise BenchError(
            f"at names the submodules after which there are exits, each once; found {', '.join(map(str, at)) or 'none'}"
        )
    if not isinstance(input_size, Sequence) or [type(side) for side in input_size] != [int, int]:
        raise BenchError(f"input_size is (height, width) of the images in pixels; found {input_size!r}")
    _check_module(module)
    whole = copy.deepcopy(module)
    codes: dict[bool, list[Step]] = {}
    reached: set[str] = set()
    texts: dict[bool, str] = {}
    for training in (False, True):
        graph, exits = trace_to(whole.train(training), at)
        texts[training] = str(graph)
        reached |= {str(node.target) for node in needed_nodes(exits) if node.op in ("call_module", "get_attr")}
        if training and texts[True] == texts[False]:
            codes[True] = codes[False]
            break
        values = _recorded(copy.deepcopy(whole), graph, exits, input_size)
        _check_exits(at, [values[0][node] for node in exits])
        codes[training] = steps(Cut(graph, exits, at, values), whole)
    _prune(whole, reached)
    whole.train(module.training)
    stages = [_Stage(whole, {mode: made[index] for mode, made in codes.items()}) for index in range(len(at))]
    views = [_View(maps, name) for name in at]
    found = _prove(whole, codes[False], module, at, input_size)
    widths = tuple(view(value).shape[1] for view, value in zip(views, found, strict=True))
    # The last stage leaves maps, as in every encoder.
    last = nn.Sequential(stages[-1], views[-1])
    return Encoder(_Images(whole), (*stages[:-1], last), widths, views=(*views[:-1], nn.Identity()))


class _Images(nn.Module):
    """Passes images on. It holds the whole network, whose parts the stages run: names of weights stay as they are."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: Tensor) -> Tensor:
        """Give images (B, 3, H, W) as they are."""
        return images


class _Stage(nn.Module):
    """One step of the network: from a state to the next, whose first tensor is what the exit reads."""

    def __init__(self, whole: nn.Module, code: dict[bool, Step]) -> None:
        super().__init__()
        self._whole = (whole,)  # in a tuple, so that its weights are not registered once more in every stage
        self._code = code

    def forward(self, state: Any) -> Any:
        """Run the step; a state of one tensor is that tensor."""
        values = (state,) if isinstance(state, Tensor) else state
        found = self._code[self.training](self._whole[0], *values)
        return found[0] if len(found) == 1 else found


class _View(nn.Module):
    """What a place returns as maps (B, C, H, W)."""

    def __init__(self, maps: Maps | None, name: str) -> None:
        super().__init__()
        self.maps = maps
        self.name = name

    def forward(self, state: Any) -> Tensor:
        """View the first tensor of a state."""
        value = state if isinstance(state, Tensor) else state[0]
        if self.maps is not None:
            value = self.maps(value)
        if value.ndim == 3:
            value = value.transpose(1, 2)
        if not 2 <= value.ndim <= 4:
            raise BenchError(
                f"an exit reads maps (B, C, H, W), tokens (B, T, C) or features (B, C); {self.name} gives "
                f"{tuple(value.shape)}: give maps=, a function of it that returns maps"
            )
        return value.reshape(*value.shape, *[1] * (4 - value.ndim))


def _check_module(module: Any) -> None:
    """Refuse what is no network, or is one that another holds."""
    if not isinstance(module, nn.Module):
        raise BenchError(f"expected a network (torch.nn.Module), found a {type(module).__name__}")
    if isinstance(module, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        raise BenchError(f"the network is within a {type(module).__name__}: give its .module")
    if isinstance(module, torch.jit.ScriptModule) or hasattr(module, "_orig_mod"):
        raise BenchError("the network is compiled, and its forward cannot be followed: give the original")


def _check_exits(at: Sequence[str], values: Sequence[Any]) -> None:
    """Refuse places that return something else than a tensor."""
    for name, value in zip(at, values, strict=True):
        if not isinstance(value, Tensor):
            raise BenchError(
                f"{name} returns a {type(value).__name__}; an exit needs a module that returns one tensor: name a "
                "module within it, or let the network call an nn.Identity on the tensor that is meant, and name that"
            )


def _recorded(module: nn.Module, graph: fx.Graph, exits: Sequence[fx.Node], input_size: tuple[int, int]) -> Any:
    try:
        return record(module, graph, exits, input_size)
    except Exception as problem:  # a stranger's modules
        raise _does_not_run(problem, input_size) from problem


def _does_not_run(problem: Exception, input_size: tuple[int, int]) -> BenchError:
    reason = (str(problem) or type(problem).__name__).splitlines()[0]
    height, width = input_size
    return BenchError(
        f"the network does not run on images (B, 3, {height}, {width}): {reason}. It must take a batch of images "
        "as its first argument; input_size=(height, width) is the size that it is given"
    )


def _prune(module: nn.Module, reached: set[str]) -> None:
    """Take out submodules and parameters that no exit reads, so that nothing is kept, trained or saved for nothing."""
    for path, part in list(module.named_modules()):
        inside = f"{path}." if path else ""
        if path in reached or any(path.startswith(f"{one}.") for one in reached):
            continue
        for kind in (part._modules, part._parameters, part._buffers):
            for name in list(kind):
                full = inside + name
                if not any(one == full or one.startswith(f"{full}.") for one in reached):
                    del kind[name]


# ---- proof -----------------------------------------------------------------------------------------------------


class _Reached(Exception):
    """Ends a pass at the last exit."""


@torch.no_grad()
def _prove(
    cut: nn.Module, made: Sequence[Step], module: nn.Module, at: Sequence[str], input_size: tuple[int, int]
) -> list[Tensor]:
    """Check that steps give what the whole gives at each of ``at``, and that rows can go on alone; gives the values."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(3, 3, *input_size, generator=generator)
    expected = _whole(copy.deepcopy(module).eval(), at, images)
    cut = copy.deepcopy(cut).eval()
    found = []
    state: tuple[Tensor, ...] = (images.clone(),)
    for name, step, value in zip(at, made, expected, strict=True):
        state = step(cut, *state)
        if not torch.equal(state[0], value):
            raise BenchError(
                f"cut into steps, the network gives other values at {name} than in one piece: something runs that its "
                "graph does not show, such as chance, a count of calls, a hook, or a module that changes its input in "
                "place and whose result nobody takes"
            )
        found.append(value)
    for leaving in range(len(made) - 1):
        state = (images.clone(),)
        for index, step in enumerate(made):
            state = step(cut, *state)
            if index == leaving:
                state = tuple(tensor[list(ROWS)] for tensor in state)
        wanted = expected[-1][list(ROWS)]
        if (state[0] - wanted).abs().max() > 1e-3 * wanted.abs().max():
            raise BenchError(
                f"an image's values at {at[-1]} depend on the other images of its batch: when some leave after "
                f"{at[leaving]}, the others change"
            )
    return found


def _whole(module: nn.Module, at: Sequence[str], images: Tensor) -> list[Tensor]:
    """What each of ``at`` returns when the network runs in one piece."""
    found: dict[str, Tensor] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, inputs: Any, output: Tensor) -> None:
            found[name] = output.clone()
            if name == at[-1]:
                raise _Reached

        return hook

    for name in at:
        module.get_submodule(name).register_forward_hook(note(name))
    with suppress(_Reached):
        module(images.clone())
    return [found[name] for name in at]
