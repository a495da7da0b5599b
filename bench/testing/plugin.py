"""The pytest plug-in: which registered things the contract tests run over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bench import registry
from bench.budget.policy import LearnedPolicy, Policy
from bench.registry import Kind

NAMED: dict[str, Kind] = {
    "method_name": "method",
    "policy_name": "policy",
    "dataset_name": "dataset",
    "thresholding_name": "thresholding",
    "cost_name": "cost",
    "backend_name": "backend",
    "figure_name": "figure",
    "table_name": "table",
}
"""Arguments of tests, with the kind of thing that they name."""
ENCODER = "encoder_name"
"""Encoders have names in their families."""
LEARNED = "learned_policy_name"
CONTRACTS = ("methods", "policies", "datasets", "encoders", "thresholdings", "costs", "backends", "figures", "tables")
MODULES = ("invented", "invented_report", *CONTRACTS)

pytest.register_assert_rewrite(*(f"bench.testing.{name}" for name in MODULES))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say whose plug-ins are tested, and on which data."""
    group = parser.getgroup("bench", "contract tests of plug-ins")
    group.addoption("--of", metavar="DISTRIBUTION", help="test what this distribution registers; everything, if none")
    group.addoption("--data-root", type=Path, help="folder of the data, for datasets that are read from disk")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each registered thing that it takes."""
    of = metafunc.config.getoption("--of")
    for argument, kind in NAMED.items():
        if _asked(metafunc, argument):
            names = registry.names(kind, of)
            if kind in ("figure", "table") and not of:
                from bench.report import kinds

                names = [one.name for one in (kinds.FIGURES if kind == "figure" else kinds.TABLES)] + names
            metafunc.parametrize(argument, names + (_readings(names) if kind == "policy" else []), scope="module")
    if _asked(metafunc, ENCODER):
        families = [registry.load("encoder", family).names for family in registry.names("encoder", of)]
        metafunc.parametrize(ENCODER, [name for names in families for name in names], scope="module")
    if LEARNED in metafunc.fixturenames:
        names = [name for name in registry.names("policy", of) if isinstance(registry.policy(name), LearnedPolicy)]
        metafunc.parametrize(LEARNED, names, scope="module")


def _asked(metafunc: pytest.Metafunc, argument: str) -> bool:
    """Whether a test takes an argument that its module does not list by itself."""
    listed = metafunc.definition.iter_markers("parametrize")
    return argument in metafunc.fixturenames and not any(argument == mark.args[0] for mark in listed)


def _readings(names: Sequence[str]) -> list[str]:
    """Name the other readings of policies that learn nothing; fitting every reading of one that does takes long."""
    found = {name: registry.policy(name) for name in names}
    return [f"{name}:{other}" for name, one in found.items() if isinstance(one, Policy) for other in one.readings]
