"""What a user asks of ``bench infer``, before anything is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from bench import registry
from bench.errors import BenchError, unknown_name
from bench.inference.scenarios import SCENARIOS, batch_size
from bench.registry import Kind
from bench.spec import EvaluationSpec

MOST_ROUNDS, MOST_BATCH = 10_000, 65_536
"""The greatest measurement that is begun."""


@dataclass(frozen=True)
class InferRequest:
    """What is asked: at which budgets (shares, or values of ``a``), how queries come, and what runs the steps.

    ``gallery`` is the file of one that was kept (``bench gallery build``); None asks the run's own.

    ``rebatch`` has queries wait between steps until a batch of them goes on, which is for ``offline`` alone.

    ``latency_bound`` (milliseconds) is the server's; ``queries`` of None asks all that have a match.
    Raises :class:`BenchError` for names that are not known and numbers that cannot be.
    """

    policy: str = "gs"
    budgets: tuple[float, ...] = (0.5,)
    a_values: tuple[float, ...] = ()
    scenario: str = "offline"
    thresholding: str = "calibrated"
    backend: str = "torch"
    precision: str | None = None
    threads: int | None = None
    device: str = "auto"
    batch: int = 32
    rebatch: bool = False
    rounds: int = 2
    queries: int | None = None
    latency_bound: float | None = None
    export: Path | None = None
    gallery: Path | None = None
    seed: int = 0
    evaluation: EvaluationSpec = field(default_factory=EvaluationSpec)

    def __post_init__(self) -> None:
        registry.policy(self.policy)  # or a reading of one
        named: dict[Kind, str] = {"thresholding": self.thresholding, "backend": self.backend}
        for kind, name in named.items():
            if name not in registry.names(kind):
                raise unknown_name(kind, name, registry.names(kind))
        if self.scenario not in SCENARIOS:
            raise unknown_name("scenario", self.scenario, SCENARIOS)
        if self.rebatch and self.scenario != "offline":
            raise BenchError(
                f"--rebatch lets queries wait for others, which scenario {self.scenario} does not allow: it is for "
                "--scenario offline"
            )
        for share in self.budgets:
            if not 0 <= share <= 1:
                raise BenchError(f"a budget is a share from 0 (the first exit) to 1 (the last), not {share:g}")
        if not self.budgets and not self.a_values:
            raise BenchError("name a budget, as --budget 0.5, or the budget parameter, as --a 1")
        if self.rounds < 1 or (self.queries is not None and self.queries < 1):
            raise BenchError("rounds and queries are 1 or more")
        for what, number, most in (("rounds", self.rounds, MOST_ROUNDS), ("images in a batch", self.batch, MOST_BATCH)):
            if number > most:
                raise BenchError(f"there are at most {most:,} {what}, not {number:,}")
        if self.latency_bound is not None and not 0 < self.latency_bound < inf:
            raise BenchError(f"a latency bound is a number of milliseconds above 0, not {self.latency_bound:g}")
        if self.latency_bound is not None and self.scenario != "server":
            raise BenchError("--latency-bound is what a server keeps: add --scenario server, or leave it out")
        if self.export is not None and registry.backend(self.backend).reads == "network":
            raise BenchError(
                f"--export names exported graphs, and backend {self.backend} runs the network itself: add --backend "
                "onnxruntime, or leave it out"
            )
        batch_size(self.scenario, self.batch)
