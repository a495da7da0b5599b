"""A method: the value that a plug-in registers.

A method is one file and one entry point of the group ``bench.methods``. The registering module should not import torch
at its top level: ``bench list`` loads it to print its summary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from bench.errors import unknown_name
from bench.training.recipe import Recipe

if TYPE_CHECKING:
    from torch import Tensor

    from bench.encoders.encoder import Encoder
    from bench.networks import ExitOutput, MultiExitNetwork, SearchNetwork

Options = Mapping[str, int | float | str | bool]
"""Named settings of a network: plain values, so that they can be printed, compared and hashed."""

WEIGHTS = (0, 1_000_000)
"""Least and greatest weight of a term of a loss, as a range of an option."""
MARGINS = (0, 1_000_000)
"""Least and greatest margin of triplets: below 0 an impostor may be nearer than a match at no loss."""
WIDTHS = (1, 65_536)
"""Least and greatest width of a layer: numbers, or bits, of an embedding among them."""
GROUPS = ("multi-exit", "static", "hashing")
"""Groups that methods can be asked for by: several exits, a single exit, binary codes."""


class Build(Protocol):
    """Function that builds a network of a method."""

    def __call__(
        self, options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)
    ) -> MultiExitNetwork:
        """Build the untrained network."""


class OnEncoder(Protocol):
    """Function that puts a method's exits on an encoder."""

    def __call__(
        self, encoder: Encoder, options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)
    ) -> MultiExitNetwork:
        """Build the untrained network."""


class BuildSearch(Protocol):
    """Function that builds the network that a method's architecture is searched in."""

    def __call__(
        self, options: Options, num_identities: int, input_size: tuple[int, int] = (256, 128)
    ) -> SearchNetwork:
        """Build the untrained network."""


@dataclass(frozen=True)
class Preset:
    """One size of a method: the network's options and the recipe that trains it."""

    summary: str
    network: Options
    recipe: Recipe


@dataclass(frozen=True)
class ArchitectureSearch:
    """How the blocks of a method's network are found, out of candidates, before the network is trained.

    ``build`` gives a network of all candidates (:class:`bench.networks.SearchNetwork`), and ``loss`` is what both its
    parameters and its choice minimise. The options of each preset hold, beside the network's, ``architecture_rate`` and
    ``architecture_decay``: learning rate and weight decay of the choice. What is found is a value of ``option``.
    """

    presets: Mapping[str, Preset]
    build: BuildSearch
    loss: Callable[[Sequence[ExitOutput], Tensor, Options], dict[str, Tensor]]
    option: str = "genotype"


@dataclass(frozen=True)
class Method:
    """A multi-exit network with its training, as the harness sees it.

    ``build(options, num_identities, input_size)`` returns the untrained network, for images of ``input_size`` (height,
    width), which may be left out for the paper's; ``loss(outputs, labels, options)`` returns the
    named terms, already weighted, whose sum is minimised (labels (B,) index the training identities). A loss is called
    outside autocast, and every tensor of its outputs is float32 whatever precision the network runs in: it needs no
    cast of its own.
    ``faithful`` and ``differs`` say in a sentence what follows the paper and what does not.

    ``option_defaults`` are for options of the network that are added when runs are kept already: the value that stands
    for how the network was without the option. An option at that value is no part of a run's key, so that those runs
    stay valid; presets name it all the same. Such a value never changes once runs are kept: it is a statement about
    them, not a recommendation.

    ``option_ranges`` are the least and the greatest value of number options for which the usual ranges
    (:data:`bench.settings.WHOLE_NUMBERS`, :data:`bench.settings.MOST_NUMBER`) are too wide: a value outside is refused
    before anything is done.

    ``on_encoder(encoder, options, num_identities, input_size)``, where a method has it, puts its exits on an encoder
    that is given, whatever the option ``backbone`` says.

    ``file_options`` are options whose value may be the name of a file: each with the function that gives the value
    itself, which is what a run keeps.

    ``architecture`` is how blocks of the network are searched for, where they are.

    ``groups`` are those of :data:`GROUPS` that its presets belong to: ``bench run --method static`` runs all of a
    group. Raises :class:`BenchError` for an unknown one.
    """

    name: str
    summary: str
    paper: str
    faithful: str
    differs: str
    presets: Mapping[str, Preset]
    build: Build
    loss: Callable[[Sequence[ExitOutput], Tensor, Options], dict[str, Tensor]]
    on_encoder: OnEncoder | None = None
    option_defaults: Options = field(default_factory=dict)
    option_ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    groups: tuple[str, ...] = ("multi-exit",)
    file_options: Mapping[str, Callable[[str], str]] = field(default_factory=dict)
    architecture: ArchitectureSearch | None = None

    def __post_init__(self) -> None:
        """Refuse groups that no option names."""
        for group in self.groups:
            if group not in GROUPS:
                raise unknown_name(f"group of method {self.name}", group, GROUPS)
