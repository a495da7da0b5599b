"""Budgeted-inference benchmark for person re-identification.

``bench.evaluate``, ``bench.sweep``, ``bench.run``, ``bench.load_runs`` and ``bench.choose`` are the suite from Python
(docs/python.md), ``bench.MultiExit`` gives exits to any network (docs/bring-your-own.md). They are loaded when they are
first asked for, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.api import LoadedRuns as LoadedRuns
    from bench.api import ScoredRun as ScoredRun
    from bench.api import Scores as Scores
    from bench.api import choose as choose
    from bench.api import evaluate as evaluate
    from bench.api import load_runs as load_runs
    from bench.api import run as run
    from bench.api import sweep as sweep
    from bench.errors import BenchError as BenchError
    from bench.multi_exit import MultiExit as MultiExit

__version__ = "0.1.0"
__all__ = [
    "BenchError",
    "LoadedRuns",
    "MultiExit",
    "ScoredRun",
    "Scores",
    "choose",
    "evaluate",
    "load_runs",
    "run",
    "sweep",
]

_HOMES = {"BenchError": "bench.errors", "MultiExit": "bench.multi_exit"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "bench.api")), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
