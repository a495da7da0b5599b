"""Invented results that figures and tables are made of: two networks, of which one has two seeds, and another cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from numpy.typing import NDArray

from bench import registry
from bench.api.evaluating import evaluate
from bench.errors import BenchError
from bench.findings.sections import Section, sections
from bench.registry import Kind as Registered
from bench.report import kinds
from bench.report.kinds import Kind
from bench.runs.load import load

PEOPLE, CAMERAS, LENGTH = 12, 3, 24
ABOUT: Mapping[str, Any] = {"dataset": "invented", "rendered": True}
MACS = {"unit": "multiply-adds"}
JOULES = {"unit": "joules", "machine": "invented machine", "policy_mac": 1e-12}


def invented_embeddings(exits: int, seed: int) -> dict[str, NDArray[Any]]:
    """Draw embeddings of queries and gallery at so many exits; later exits tell people better apart."""
    people = np.random.default_rng(0).normal(size=(PEOPLE, LENGTH))
    generator = np.random.default_rng([seed, 1])
    arrays: dict[str, NDArray[Any]] = {"costs": 1e6 * np.arange(1.0, exits + 1)}
    for split, camids in (("query", [1]), ("gallery", range(1, CAMERAS + 1))):
        pids, cameras = np.repeat(np.arange(1, PEOPLE + 1), len(camids)), np.tile(camids, PEOPLE)
        arrays |= {f"{split}.pids": pids, f"{split}.camids": cameras}
        for index in range(exits):
            noise = generator.normal(size=(len(pids), LENGTH))
            values = people[pids - 1] + noise * 3 / (index + 1)
            arrays[f"{split}.{index}"] = (values > 0) if index % 2 else values.astype(np.float32)
    return arrays


@pytest.fixture(scope="session")
def invented_sections(tmp_path_factory: pytest.TempPathFactory) -> tuple[Section, ...]:
    """Sections of a results folder: three exits with two seeds beside a single exit; and a cost in joules."""
    results = tmp_path_factory.mktemp("invented-report")
    for name, exits, seed, cost in (("first", 3, 0, MACS), ("first", 3, 1, MACS), ("one-exit", 1, 0, MACS)):
        _evaluate(results, invented_embeddings(exits, seed), {**ABOUT, "name": name, "seed": seed, "cost": cost})
    held = invented_embeddings(3, 0)
    _evaluate(results, {**held, "costs": held["costs"] * 1e-9}, {**ABOUT, "name": "first", "cost": JOULES})
    return sections(load(results))


def _evaluate(results: Path, arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any]) -> None:
    settings: dict[str, Any] = {"policies": ["random", "gs"], "budgets": 3, "shuffles": 2, "resamples": 10}
    evaluate(arrays, about, thresholdings=["stream"], results=results, **settings)


def kind_of(registered: Registered, name: str) -> Kind:
    """Give a figure or table by its name: a package's, or the report's own. Raises BenchError where it is neither."""
    own = {"figure": kinds.FIGURES, "table": kinds.TABLES}[registered]
    found = next((kind for kind in own if kind.name == name), None) or registry.load(registered, name)
    if not isinstance(found, Kind):
        raise BenchError(f"{registered} {name!r} is a {type(found).__name__}, no bench.report.kinds.Kind")
    return found


def check_kind(registered: Registered, name: str) -> None:
    """Assert that a figure or table is called as it is registered, stands somewhere, and names a function."""
    kind = kind_of(registered, name)
    assert kind.name == name
    assert kind.of in get_args(get_type_hints(Kind)["of"])
    assert callable(resolve_name(kind.make))


def subjects(registered: Registered, kind: Kind, found: Sequence[Section]) -> list[tuple[Any, ...]]:
    """List what a kind's function is called with, call by call; a table of setups is made of a section."""
    if kind.of == "report":
        return [(found,)]
    if kind.of == "setup" and registered == "figure":
        return [(section, setup) for section in found for setup in section.setups]
    return [(section,) for section in found]
