"""Write a package that registers one thing: a method, a policy, a dataset or another kind of plug-in."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path
from typing import Literal, get_args

from jinja2 import Environment, StrictUndefined

from bench import registry
from bench.errors import BenchError, unknown_name
from bench.files import writing

PluginKind = Literal["method", "policy", "dataset", "encoder", "thresholding", "cost", "backend", "figure", "table"]
KINDS: tuple[PluginKind, ...] = get_args(PluginKind)
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
CONTRACTS = {
    "method": "methods",
    "policy": "policies",
    "dataset": "datasets",
    "encoder": "encoders",
    "thresholding": "thresholdings",
    "cost": "costs",
    "backend": "backends",
    "figure": "figures",
    "table": "tables",
}
"""Modules of :mod:`bench.testing` that hold each kind's tests."""


@dataclass(frozen=True)
class Package:
    """A package that was written: its folder, and the commands that come next."""

    folder: Path
    commands: tuple[str, ...]


def make_package(kind: str, name: str, into: Path, taken: Collection[str] = ()) -> Package:
    """Write the package ``name`` below the folder ``into``: metadata, one module, its tests, and how to go on.

    ``taken`` are names beside those of the registry that cannot be had.

    Raises BenchError for a kind that is none, a name that cannot be one or is taken, here or by a module or package
    that is installed, and where the folder is there.
    """
    if kind not in KINDS:
        raise unknown_name("kind of plug-in", kind, KINDS)
    plugin: PluginKind = next(one for one in KINDS if one == kind)
    if not NAME.fullmatch(name):
        raise BenchError(f"{name!r}: expected small letters, digits and single hyphens, a letter first, as my-{kind}")
    if name in registry.names(plugin) or name in taken:
        raise BenchError(
            f"there is {'an' if kind == 'encoder' else 'a'} {kind} {name} already (bench list); choose another name"
        )
    folder = into / name
    if folder.exists():
        raise BenchError(f"{folder}: is there already; choose another name, or another folder with --into")
    module = name.replace("-", "_")
    if keyword.iskeyword(module) or _can_be_imported(module) or _is_installed(name):
        raise BenchError(
            f"{name}: Python or a package that is installed has this name, and one would take the other's place; "
            f"choose another, as my-{name}"
        )
    values: dict[str, object] = {"name": name, "module": module, "constant": module.upper(), "kind": kind}
    values |= {"contracts": CONTRACTS[kind], "group": registry.GROUPS[plugin]}
    values["commands"] = [_test(plugin), *_commands(plugin, name)]
    written = {
        "pyproject.toml": "pyproject.toml",
        f"{module}.py": f"{kind}.py",
        "tests/test_contract.py": "test_contract.py",
        "README.md": "README.md",
    }
    with writing(f"under {folder}", "choose another --into"):
        for target, template in written.items():
            path = folder / target
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_rendered(template, values), encoding="utf-8", newline="\n")
    return Package(folder, ("python -m pip install --editable .", _test(plugin), *_commands(plugin, name)))


def _can_be_imported(module: str) -> bool:
    # By every finder: what is installed to be edited is on no path. What is loaded already does not count.
    found = next(filter(None, (finder.find_spec(module, None) for finder in sys.meta_path)), None)
    # A folder without code of its own is none: it may be any folder beside the command.
    return module in sys.stdlib_module_names or (found is not None and found.origin is not None)


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _test(kind: PluginKind) -> str:
    """Command that runs the package's tests; pytest takes a folder for a test's place unless = stands before it."""
    return "python -m pytest" + (" --data-root=FOLDER" if kind == "dataset" else "")


def _commands(kind: PluginKind, name: str) -> list[str]:
    """Commands that run what was made."""
    data = "--preset smoke --data size=smoke --budget-sweep"
    return {
        "method": [f"bench run --method {name} {data}"],
        "policy": [f"bench run --method hashreid {data} --policies gs,{name}"],
        "encoder": [f"bench run --method hashreid {data} --backbone {name}"],
        "thresholding": [f"bench run --method hashreid {data} --thresholding stream,{name}"],
        "cost": [f"bench run --method hashreid {data} --cost {name}"],
        "backend": [
            f"bench run --method hashreid {data}",
            f"bench infer hashreid-smoke-seed0 --policy gs --budget 0.5 --backend {name}",
        ],
        "figure": [f"bench run --method hashreid {data}", "bench report"],
        "table": [f"bench run --method hashreid {data}", "bench report"],
        "dataset": [f"bench run --method hashreid --preset smoke --dataset {name} --data-root FOLDER --budget-sweep"],
    }[kind]


def _rendered(template: str, values: dict[str, object]) -> str:
    text = files("bench.kit").joinpath("templates", f"{template}.jinja").read_text(encoding="utf-8")
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
    return environment.from_string(text).render(values)
