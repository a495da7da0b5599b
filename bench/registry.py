"""Finds methods, datasets, policies, thresholdings, costs, encoders and backends by name, through entry points.

And the figures and tables that other packages add to a report; its own stand in :mod:`bench.report.kinds`.

A third-party package registers its own with one line in its metadata; this module knows none by name. Names are
read without importing anything, so that listing and "did you mean" cost nothing.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Literal

from bench.errors import BenchError, unknown_name

if TYPE_CHECKING:
    from bench.budget.policy import LearnedPolicy, Policy
    from bench.budget.thresholding.contract import Thresholding
    from bench.cost.axes.contract import Cost
    from bench.data.dataset import DatasetReader
    from bench.inference.backends.backend import BackendKind
    from bench.methods import Method, Options

Kind = Literal["method", "dataset", "policy", "thresholding", "cost", "encoder", "backend", "figure", "table"]
GROUPS: dict[Kind, str] = {
    "method": "bench.methods",
    "dataset": "bench.datasets",
    "policy": "bench.policies",
    "thresholding": "bench.thresholdings",
    "cost": "bench.costs",
    "encoder": "bench.encoders",
    "backend": "bench.backends",
    "figure": "bench.figures",
    "table": "bench.tables",
}
HAVE: dict[Kind, str] = {"encoder": "names", "figure": "make", "table": "make"}
"""What a value of a kind has, by which it is known to be one; ``summary`` for all others."""


@cache
def _registered(kind: Kind) -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUPS[kind]):
        known = found.setdefault(entry.name, entry)
        if known.value != entry.value:
            raise BenchError(
                f"two packages register the {kind} {entry.name!r}: {known.value} and {entry.value}; uninstall one"
            )
    return found


def names(kind: Kind, of: str | None = None) -> list[str]:
    """List the registered names of a kind in alphabetical order: all, or those ``of`` one distribution."""
    found = _registered(kind)
    return sorted(name for name, entry in found.items() if of is None or (entry.dist and entry.dist.name == of))


def load(kind: Kind, name: str) -> Any:
    """Import what is registered under a name. Raises BenchError where it cannot be, or is something else."""
    entry = _registered(kind).get(name)
    if entry is None and not names(kind):
        raise BenchError(
            f"no {kind} is registered under {GROUPS[kind]}: the installation is older than the code; install again "
            "(make venv, or pip install --editable .)"
        )
    if entry is None:
        raise unknown_name(kind, name, names(kind))
    try:
        value = entry.load()
    except Exception as problem:  # importing runs a stranger's code
        raise BenchError(
            f"{kind} {name!r} stands for {entry.value}, which cannot be loaded: {problem or type(problem).__name__}"
        ) from problem
    attribute = HAVE.get(kind, "summary")
    if isinstance(value, type) or not hasattr(value, attribute):
        raise BenchError(
            f"{kind} {name!r} stands for {entry.value}, which is a {type(value).__name__} without {attribute}: "
            f"no {kind} of this suite; mend the plug-in, or uninstall it"
        )
    return value


def method(name: str) -> Method:
    """Load a method."""
    return load("method", name)


def option_defaults(name: str) -> Options:
    """Give :attr:`bench.methods.Method.option_defaults` of a method: none where it cannot be loaded here."""
    try:
        return method(name).option_defaults
    except BenchError:
        return {}


def dataset(name: str) -> DatasetReader:
    """Load a dataset's reader."""
    return load("dataset", name)


def policy(name: str) -> Policy | LearnedPolicy:
    """Load an exit policy, ready or still to be fitted; ``NAME:READING`` is another reading of its source."""
    base, _, reading = name.partition(":")
    found: Policy | LearnedPolicy = load("policy", base)
    if not reading:
        return found
    if reading not in found.readings:
        raise unknown_name(f"reading of policy {base}", reading, sorted(found.readings))
    return found.readings[reading]


def thresholding(name: str) -> Thresholding:
    """Load a thresholding."""
    return load("thresholding", name)


def cost(name: str) -> Cost:
    """Load a cost."""
    return load("cost", name)


def backend(name: str) -> BackendKind:
    """Load what opens a backend."""
    return load("backend", name)
