"""Every n-th run of a grid: the same ones for everybody, whatever machine asks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.errors import BenchError
from bench.running.request import RunRequest
from bench.spec import digest

SHARD = re.compile(r"(\d+)/(\d+)")


@dataclass(frozen=True)
class Shard:
    """Part ``number`` (from 1) of ``of`` parts."""

    number: int
    of: int

    @classmethod
    def read(cls, text: str) -> Shard:
        """Read ``2/5``. Raises BenchError for anything but I/N with I from 1 to N."""
        found = SHARD.fullmatch(text.strip())
        number, of = map(int, found.groups()) if found else (0, 0)
        if not 1 <= number <= of:
            raise BenchError(f"--shard takes I/N with I from 1 to N, as 2/5, not {text!r}")
        return cls(number, of)

    def take(self, requests: Sequence[RunRequest]) -> list[RunRequest]:
        """Take this part of the requests, in their order; one that is there twice counts once."""
        keyed = {grid_key(request): request for request in requests}
        mine = set(sorted(keyed)[self.number - 1 :: self.of])
        return [request for key, request in keyed.items() if key in mine]


def grid_key(request: RunRequest) -> str:
    """Identify a run within a grid by what is asked for alone.

    The key of a run holds the fingerprint of the data and the precision of the machine. Those who share a grid may not
    have the data yet, and their machines may differ.
    """
    spec = replace(request.spec(request.dataset, ""), precision="float32")
    return digest([spec.key, sorted(request.data.options.items()), request.precision])
