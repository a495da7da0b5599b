"""What a user asks of ``bench evaluate``, before any of it is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bench import registry
from bench.budget.policy import LearnedPolicy, Policy
from bench.errors import BenchError
from bench.evaluation.embeddings import Embeddings
from bench.evaluation.file import read_embeddings
from bench.spec import EvaluationSpec, SweepSpec, check_seed


@dataclass(frozen=True)
class EvaluationRequest:
    """One file of embeddings, or embeddings that are held, and how they are scored.

    ``sweep`` of None scores the exits alone; ``leave_out`` passes over those of its policies that do not apply, which
    is an error else. ``name``, ``dataset`` and ``seed`` stand for what the file says of itself.
    """

    file: Path | None = None
    embeddings: Embeddings | None = None
    evaluation: EvaluationSpec = field(default_factory=EvaluationSpec)
    sweep: SweepSpec | None = None
    leave_out: bool = False
    results: Path = Path("results")
    name: str | None = None
    dataset: str | None = None
    seed: int | None = None
    fresh: bool = False

    def __post_init__(self) -> None:
        """Refuse a seed that is none. Raises :class:`BenchError`."""
        if self.seed is not None:
            check_seed(self.seed)

    def read(self) -> Embeddings:
        """Give the embeddings. Raises BenchError where the file is not as it should be, or there is nothing."""
        if self.embeddings is not None:
            return self.embeddings
        if self.file is None:
            raise BenchError("there is nothing to evaluate: name a file of embeddings")
        return read_embeddings(self.file)

    @property
    def source(self) -> str:
        """Say where the embeddings come from: the file's name."""
        return self.file.name if self.file is not None else "arrays"

    def policies(self) -> list[Policy | LearnedPolicy]:
        """Load the policies of the sweep. Raises BenchError where a name is unknown."""
        return [registry.policy(name) for name in (self.sweep.policies if self.sweep else ())]
