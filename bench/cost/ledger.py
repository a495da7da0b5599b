"""The cost ledger of a run: what every exit costs, in columns that are never mixed.

Trunk, head and policy are multiply-adds and add up to the budget axis. Elementwise operations and the work of matching
a query with the gallery stand beside them: bit operations and multiply-adds have no common unit but time, so that
turning one into the other takes a measurement, or a cost that names its rate (bench/cost/axes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bench.cost.macs import CONVENTION, count
from bench.digests import DamagedFile
from bench.errors import BenchError
from bench.networks import MultiExitNetwork

IntArray = NDArray[np.int64]

WORD_BITS = 64
"""Bits that one exclusive-or with population count compares at a time."""
FLOAT_BYTES = 4
"""Bytes of one dimension of a continuous embedding: float32."""


@dataclass(frozen=True)
class ExitCost:
    """What one exit adds to the exits before it, for one query; its codes; and its matching.

    ``policy_macs`` is what a policy's own network spends on a decision here, ``policy_bytes`` what it keeps of every
    gallery image for that. Parameters are those that inference reads
    and no earlier exit has read. ``binary_macs`` are those of the MACs whose factors are ±1.
    """

    name: str
    code: Literal["binary", "continuous"]
    dim: int
    trunk_macs: int
    head_macs: int
    policy_macs: int
    elementwise_operations: int
    trunk_parameters: int
    head_parameters: int
    policy_bytes: int = 0
    binary_macs: int = 0

    @property
    def macs(self) -> int:
        """MACs of trunk, head and policy; matching is not in it."""
        return self.trunk_macs + self.head_macs + self.policy_macs

    @property
    def code_bytes(self) -> int:
        """Bytes of this exit's code of one image: packed bits, or float32."""
        return -(-self.dim // 8) if self.code == "binary" else FLOAT_BYTES * self.dim


@dataclass(frozen=True)
class CostLedger:
    """Costs of a run, exit by exit, for one query of ``input_size`` (height, width) and ``gallery_images`` to match.

    Array properties are (S,), in the order of ``exits``. Without a prefix they are what one exit adds, a visit; with
    ``cumulative_`` what a query has paid that leaves there, having passed and ranked at every earlier exit.
    """

    input_size: tuple[int, int]
    gallery_images: int
    exits: tuple[ExitCost, ...]
    convention: str = CONVENTION

    @classmethod
    def of(cls, network: MultiExitNetwork, input_size: tuple[int, int], gallery_images: int) -> CostLedger:
        """Count ``network``; the policy is free until :meth:`with_policy` says otherwise."""
        exits = tuple(
            ExitCost(
                name=spec.name,
                code=spec.code,
                dim=spec.dim,
                trunk_macs=step.trunk_macs,
                head_macs=step.head_macs,
                policy_macs=0,
                elementwise_operations=step.elementwise_operations,
                trunk_parameters=step.trunk_parameters,
                head_parameters=step.head_parameters,
                binary_macs=step.binary_macs,
            )
            for spec, step in zip(network.exits, count(network, input_size), strict=True)
        )
        return cls((int(input_size[0]), int(input_size[1])), int(gallery_images), exits)

    def with_policy(self, policy_macs: Sequence[int] | IntArray, gallery_bytes: int = 0) -> CostLedger:
        """Book ``policy_macs`` (S,), what a policy's own network spends at each exit, in place of those here.

        ``gallery_bytes`` is what it keeps of every gallery image, booked at the first exit. Raises BenchError where
        there is not one count for each exit.
        """
        if len(policy_macs) != len(self.exits):
            raise BenchError(
                f"expected the policy's MACs for each of {len(self.exits)} exits and found {len(policy_macs)} values. "
                "Give one for every exit, 0 where the policy only compares distances."
            )
        kept = [gallery_bytes, *([0] * (len(self.exits) - 1))]
        exits = tuple(
            replace(cost, policy_macs=int(macs), policy_bytes=int(size))
            for cost, macs, size in zip(self.exits, policy_macs, kept, strict=True)
        )
        return replace(self, exits=exits)

    def with_views(self, count: int) -> CostLedger:
        """Book ``count`` runs of the network for every image: matching, codes and parameters stay."""
        exits = tuple(
            replace(
                cost,
                trunk_macs=count * cost.trunk_macs,
                head_macs=count * cost.head_macs,
                elementwise_operations=count * cost.elementwise_operations,
                binary_macs=count * cost.binary_macs,
            )
            for cost in self.exits
        )
        return replace(self, exits=exits)

    @property
    def macs(self) -> IntArray:
        """(S,) MACs of trunk, head and policy."""
        return _array(cost.macs for cost in self.exits)

    @property
    def cumulative_macs(self) -> IntArray:
        """(S,) the budget axis: MACs of trunk, heads and policy up to each exit. Matching is not in it."""
        return np.cumsum(self.macs)

    @property
    def elementwise_operations(self) -> IntArray:
        """(S,) elementwise operations of trunk and head."""
        return _array(cost.elementwise_operations for cost in self.exits)

    @property
    def binary_macs(self) -> IntArray:
        """(S,) those of the MACs whose factors are ±1: one exclusive-or and a population count do 64 of them."""
        return _array(cost.binary_macs for cost in self.exits)

    @property
    def matching_bit_operations(self) -> IntArray:
        """(S,) bits compared with the whole gallery; 0 at continuous exits."""
        return self._matching("binary", lambda dim: dim)

    @property
    def matching_word_operations(self) -> IntArray:
        """(S,) the same in words of 64 bits, an exclusive-or and a population count each; 0 at continuous exits."""
        return self._matching("binary", lambda dim: -(-dim // WORD_BITS))

    @property
    def matching_macs(self) -> IntArray:
        """(S,) multiply-adds of distances to the whole gallery; 0 at binary exits."""
        return self._matching("continuous", lambda dim: dim)

    @property
    def code_bytes(self) -> IntArray:
        """(S,) bytes that each exit's code takes for one gallery image; a gallery keeps those of every exit in use."""
        return _array(cost.code_bytes for cost in self.exits)

    @property
    def gallery_bytes(self) -> IntArray:
        """(S,) bytes that are kept of one gallery image for each exit: its code, and what the policy stores."""
        return self.code_bytes + _array(cost.policy_bytes for cost in self.exits)

    @property
    def parameters(self) -> IntArray:
        """(S,) parameters of trunk and head that each exit adds."""
        return _array(cost.trunk_parameters + cost.head_parameters for cost in self.exits)

    def rows(self) -> list[dict[str, Any]]:
        """Lay out the ledger as a table: one dict of plain values an exit, what it adds and what has added up."""
        columns = {
            name: getattr(self, name)
            for name in (
                "macs",
                "binary_macs",
                "elementwise_operations",
                "matching_bit_operations",
                "matching_word_operations",
                "matching_macs",
                "code_bytes",
                "gallery_bytes",
                "parameters",
            )
        }
        columns |= {f"cumulative_{name}": np.cumsum(values) for name, values in columns.items()}
        return [
            asdict(cost) | {name: int(values[index]) for name, values in columns.items()}
            for index, cost in enumerate(self.exits)
        ]

    def to_json(self) -> dict[str, Any]:
        """Give the ledger as plain dicts, lists, strings and integers."""
        return asdict(self) | {"input_size": list(self.input_size), "exits": [asdict(cost) for cost in self.exits]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> CostLedger:
        """Read back what :meth:`to_json` gave, its convention included; raises BenchError where that is another thing.

        Ledgers of before policies kept anything, or networks multiplied bits, do not say so.
        """
        _expect_fields("a cost ledger", cls, values)
        for cost in values["exits"]:
            _expect_fields("an exit of a cost ledger", ExitCost, {"policy_bytes": 0, "binary_macs": 0, **cost})
        height, width = values["input_size"]
        exits = tuple(ExitCost(**cost) for cost in values["exits"])
        return cls((height, width), values["gallery_images"], exits, values["convention"])

    def _matching(self, code: str, per_image: Callable[[int], int]) -> IntArray:
        """(S,) work of matching one query with the gallery, at the exits of this kind of code."""
        return _array(self.gallery_images * per_image(cost.dim) if cost.code == code else 0 for cost in self.exits)


def _array(values: Iterable[int]) -> IntArray:
    """(S,) whole numbers."""
    return np.array(list(values), dtype=np.int64)


def _expect_fields(what: str, kind: Any, values: Mapping[str, Any]) -> None:
    """Refuse values of other fields than ``kind`` has, with DamagedFile: such a ledger is counted again."""
    expected = {field.name for field in fields(kind)}
    if set(values) != expected:
        missing, unknown = sorted(expected - set(values)), sorted(set(values) - expected)
        raise DamagedFile(
            f"{what} should have exactly the fields {sorted(expected)}; missing: {missing}, unknown: {unknown}. "
            "It was written by another version of the suite, or by hand: count the run again."
        )
