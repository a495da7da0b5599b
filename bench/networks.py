"""The contract of a multi-exit network.

A network is a trunk cut into steps and a head at the end of each. ``start`` prepares an image batch,
``step`` runs the trunk up to the next exit and the head there. That pair is the only way through a
network: embedding every exit, leaving early, counting multiply-adds and measuring latency all use it,
so what is priced is what is run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from bench.exits import ExitSpec

State = Any
"""What one step hands to the next: a tensor, or nested tuples, lists and dicts of batch-first tensors."""

BINARY_PRODUCTS = "binary_products"
"""A module with this attribute set to True multiplies ±1 with ±1 alone: its multiply-adds are noted as binary ones."""


@dataclass(frozen=True)
class ExitOutput:
    """What training reads at one exit.

    ``features`` (B, F) are the features that the head starts from, ``embedding`` (B, dim) what the head makes
    of them (differentiable: soft codes where inference has signs), ``logits`` (B, identities) the classifier's,
    where the method has one. ``extras`` are what else the method's own loss reads here, by name: (B, …), or means over
    the images, or what does not depend on them.
    """

    features: Tensor
    embedding: Tensor
    logits: Tensor | None = None
    extras: Mapping[str, Tensor] = field(default_factory=dict)

    def float(self) -> ExitOutput:
        """Give floating-point tensors in float32, gradients passing through; what is float32 already is not copied."""

        def cast(tensor: Tensor) -> Tensor:
            return tensor.float() if tensor.is_floating_point() else tensor

        return ExitOutput(
            cast(self.features),
            cast(self.embedding),
            None if self.logits is None else cast(self.logits),
            {name: cast(tensor) for name, tensor in self.extras.items()},
        )


class MultiExitNetwork(nn.Module, ABC):
    """A network whose computation can end at any of ``exits``.

    ``heads`` holds what runs for one exit alone, a module an exit; every other module that inference
    visits belongs to the trunk. Costs are split along that line.
    """

    exits: tuple[ExitSpec, ...]
    heads: nn.ModuleList
    extras: tuple[ExitSpec, ...] = ()
    """Embeddings that can be scored beside the exits and are never left at; :meth:`outputs` gives each, by its name,
    among the extras of an exit."""

    @abstractmethod
    def start(self, images: Tensor) -> State:
        """Turn normalised images (B, 3, H, W) into the state that the first step reads."""

    @abstractmethod
    def step(self, state: State, exit_index: int) -> tuple[State, Tensor]:
        """Go on to exit ``exit_index``: the state for the next step, and the embedding (B, dim) here.

        In evaluation mode a binary exit returns exactly ±1 (float). The state holds what later steps need
        and nothing else; steps are called in order and none repeats the work of an earlier one.
        """

    @abstractmethod
    def outputs(self, images: Tensor, num_exits: int | None = None) -> list[ExitOutput]:
        """Run the first ``num_exits`` exits (all by default), on the path of ``start`` and ``step``.

        Training reads it, and the features of exits where a policy wants them: one :class:`ExitOutput` an exit.
        """

    def anneal(self, progress: float) -> None:
        """Follow a schedule of the network's own: ``progress`` is the fraction of training that is done, up to 1.

        Training calls it before every batch, a resumed one too, so the network keeps no count. Nothing by default.
        """
        return

    @property
    def anneals(self) -> bool:
        """Whether :meth:`anneal` changes what the network computes; else its operations can be recorded once."""
        return type(self).anneal is not MultiExitNetwork.anneal

    def classify(self, embedding: Tensor, exit_index: int) -> Tensor | None:
        """Classify embeddings (B, dim) of one exit over the training identities: logits (B, identities).

        None where the method trains no classifier. No exit needs it; policies that read class probabilities do, and
        pay for it.
        """
        return None

    def first_features(self, state: State, embedding: Tensor) -> Tensor | None:
        """Give the features (B, F) that the first exit's head started from, as :meth:`outputs` has them.

        Out of what ``step`` returned there: the state and the embedding (B, dim). Policies that read them (ETS) then
        leave early without running the first step twice. None where a network does not tell.
        """
        return None

    def embed_extras(self, images: Tensor) -> list[Tensor]:
        """Embed images (B, 3, H, W) at everything in ``extras``: a list of (B, dim), in their order."""
        found: dict[str, Tensor] = {}
        for output in self.outputs(images):
            found |= output.extras
        return [found[spec.name] for spec in self.extras]

    def embed(self, images: Tensor, num_exits: int | None = None) -> list[Tensor]:
        """Embed images (B, 3, H, W) at the first ``num_exits`` exits (all by default), and go no further.

        Gives a list of (B, dim), in the order of ``exits``.
        """
        state = self.start(images)
        embeddings = []
        for index in range(len(self.exits[:num_exits])):
            state, embedding = self.step(state, index)
            embeddings.append(embedding)
        return embeddings


class SearchNetwork(MultiExitNetwork):
    """A network in which every block is still several candidates, and a choice among them is learned.

    ``architecture`` has the logits (candidates,) of each block, ``candidates`` the names of all that a block can be.
    """

    architecture: nn.ParameterList
    candidates: tuple[str, ...]

    def probabilities(self) -> list[list[float]]:
        """Softmax of the logits: for each block, one number a candidate."""
        return [logits.detach().softmax(dim=0).tolist() for logits in self.architecture]

    def genotype(self) -> str:
        """Name the candidate of the greatest logit of every block, with commas."""
        return ",".join(self.candidates[int(logits.argmax())] for logits in self.architecture)


def map_state(state: State, change: Callable[[Tensor], Tensor]) -> State:
    """Apply ``change`` to every tensor of a state, depth first, and nest the results in the same way.

    Raises TypeError for a state that holds anything else.
    """
    if isinstance(state, Tensor):
        return change(state)
    if isinstance(state, Mapping):
        return {name: map_state(part, change) for name, part in state.items()}
    if isinstance(state, Sequence):
        return type(state)(map_state(part, change) for part in state)  # type: ignore[call-arg]
    raise TypeError(f"a state holds tensors in tuples, lists and dicts; found {type(state).__name__}")


def select(state: State, rows: Tensor) -> State:
    """Keep ``rows`` (indices or a boolean mask over the batch) of every tensor in a state: the queries that stay.

    Every tensor stays laid out as it was.
    """
    rows = rows.nonzero().flatten() if rows.dtype == torch.bool else rows
    return map_state(state, lambda tensor: _rows(tensor, rows))


def move_rows(state: State, rows: Sequence[int], places: Sequence[int], kept: int) -> State:
    """Write ``rows`` of every tensor in a state over ``places``, and keep the first ``kept`` rows, in its own memory.

    No row may be one of the places. The state that is given is used up.
    """
    return map_state(state, lambda tensor: _moved(tensor, rows, places, kept))


def _moved(tensor: Tensor, rows: Sequence[int], places: Sequence[int], kept: int) -> Tensor:
    if 0 in tensor.stride():  # an expanded tensor, whose rows may be one
        tensor = tensor.clone()
    for row, place in zip(rows, places, strict=True):
        tensor[place].copy_(tensor[row])
    return tensor[:kept]


def join(states: Sequence[State]) -> State:
    """Put the queries of several states of one step, at least one, into one state, in their order."""
    columns = iter(list(zip(*map(state_tensors, states), strict=True)))
    return map_state(states[0], lambda _: torch.cat(next(columns)))


def _rows(tensor: Tensor, rows: Tensor) -> Tensor:
    # ``index_select`` copies a row in one piece, which indexing with brackets does not; what lies channels last it
    # would lay out anew.
    if tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last):
        return tensor.permute(0, 2, 3, 1).index_select(0, rows).permute(0, 3, 1, 2)
    return tensor.index_select(0, rows)


def state_tensors(state: State) -> list[Tensor]:
    """List the tensors of a state, depth first."""
    tensors: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        tensors.append(tensor)
        return tensor

    map_state(state, note)
    return tensors


def sign(values: Tensor) -> Tensor:
    """Binarise to ±1: +1 where positive, −1 elsewhere, so that zero maps to −1 (HashReID, section 3.2)."""
    return torch.where(values > 0, 1.0, -1.0).to(values.dtype)
