"""Rules of the house: who may import whom, and what help may cost."""

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("bench", "baselines", "hashreid")
CONTRACTS = {
    "bench.budget.policy",
    "bench.budget.thresholding.contract",
    "bench.cost.axes.contract",
    "bench.encoders.build",
    "bench.encoders.encoder",
    "bench.encoders.weights",
    "bench.errors",
    "bench.losses",
    "bench.methods",
    "bench.networks",
    "bench.retrieval.table",
    "bench.training",
    "bench.training.recipe",
    "bench.training.shared",
}
FILES = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(file) for file in FILES}


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


@cache
def imports(file: Path, *, typing_too: bool) -> set[str]:
    """Name the modules of ours that a file imports; ``typing_too`` counts those for type checking alone."""
    tree = tree_of(file)
    skipped: set[ast.AST] = set()
    if not typing_too:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                skipped |= set(ast.walk(node))
    found = set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return (found & MODULES) - {module_name(file)}


@pytest.mark.parametrize("package", ["baselines", "hashreid"])
def test_methods_lean_on_contracts_alone(package):
    for file in (ROOT / package).rglob("*.py"):
        ours = {name for name in imports(file, typing_too=True) if name.startswith("bench.")}
        assert ours <= CONTRACTS, f"{file.name} imports {sorted(ours - CONTRACTS)}"


def test_the_harness_knows_no_method_by_name():
    for file in (ROOT / "bench").rglob("*.py"):
        assert not {name for name in imports(file, typing_too=True) if name.split(".")[0] in ("baselines", "hashreid")}


def test_no_import_cycles():
    graph = {module_name(file): imports(file, typing_too=False) for file in FILES}
    # A package that re-exports is not a step of a cycle between its own modules.
    for name in graph:
        graph[name] = {other for other in graph[name] if not name.startswith(f"{other}.")}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " → ".join((*path[path.index(name) :], name))
        if name not in done:
            for other in graph[name]:
                visit(other, (*path, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_only_the_command_line_prints():
    for file in (ROOT / "bench").rglob("*.py"):
        if file.parent.name == "cli":
            continue
        for node in ast.walk(tree_of(file)):
            assert not (isinstance(node, ast.Call) and ast.unparse(node.func) == "print"), file
        assert "rich.console" not in file.read_text(), file


INSTANT = """
import json, sys
from bench.cli import main

for forbidden, *words in json.loads(sys.argv[1]):
    sys.argv = ["bench", *words]
    try:
        main()
    except SystemExit:
        pass
    assert forbidden not in sys.modules, (words, forbidden)
print("\\nall at once")
"""


def test_what_should_be_instant_waits_for_neither_torch_nor_numpy():
    """In one process: what a command imports, it has for those after it."""
    commands = [
        ("numpy", "data", "--help"),
        ("numpy", "data", "verify", "--help"),
        ("numpy", "data", "split", "--help"),
        ("torch", "--help"),
        ("torch", "list"),
        ("torch", "run", "--help"),
        ("torch", "run", "-m", "nothing"),
        ("torch", "report", "--results", "nowhere"),
    ]
    code = [sys.executable, "-c", INSTANT, json.dumps(commands)]
    answer = subprocess.run(code, capture_output=True, text=True, check=False)
    assert answer.stdout.endswith("\nall at once\n"), answer.stderr


IMPORTED = """
import sys
from importlib import import_module

def without(*libraries):
    assert not set(libraries) & set(sys.modules), set(libraries) & set(sys.modules)

import bench
without("numpy", "pandas", "torch")
bench.BenchError
without("numpy")
assert "sweep" in dir(bench)
import bench.report.write
without("torch", "scipy", "matplotlib", "PIL")
bench.load_runs, bench.evaluate
for name in sys.argv[1:]:
    import_module(name)
    without("torch")
"""


def test_importing_loads_no_more_than_is_needed():
    """In one process, those that may load least first."""
    data = [f"bench.data.{name}" for name in ("market1501", "manifest", "images", "sampling", "split")]
    code = [sys.executable, "-c", IMPORTED, *data, "bench.retrieval.evaluate", "bench.retrieval.neighbours"]
    answer = subprocess.run(code, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


ROOMS = (
    (
        *(
            "allocation",
            "at_work",
            "child_process",
            "counts",
            "digests",
            "errors",
            "exits",
            "inert",
            "memory",
            "precision",
            "progress",
            "provenance",
        ),
        *("provenance", "ranks", "temporary", "threads"),
    ),
    ("deadline", "files", "registry"),
    ("measurements",),
    # What a recipe says is read by data and methods alike; the loop that follows it stands above them.
    ("training.recipe",),
    ("data", "encoders", "kit", "losses", "networks"),
    ("device", "methods"),
    ("multi_exit", "settings", "spec", "training.shared"),
    ("retrieval",),
    ("training",),
    ("budget", "cost"),
    ("runs",),
    ("running",),
    ("architecture", "inference", "search"),
    ("evaluation",),
    ("api", "findings"),
    ("prose", "report"),
    ("integrity",),
    ("cli", "testing"),
)
"""Rooms from the lowest to the highest; a part of a room may stand lower than the room."""


def level(module: str) -> int:
    """Find the row of a module, by the longest name that it falls under."""
    name = module.removeprefix("bench.")
    found = [(len(room), row) for row, rooms in enumerate(ROOMS) for room in rooms if f"{name}.".startswith(f"{room}.")]
    assert found, f"{module} has no room: name it in ROOMS"
    return max(found)[1]


def test_no_arrow_runs_back_up():
    for file in (ROOT / "bench").rglob("*.py"):
        own = module_name(file)
        if own != "bench":
            ours = {name for name in imports(file, typing_too=False) if name.startswith("bench.")}
            higher = sorted(name for name in ours if level(name) > level(own))
            assert not higher, f"{own} imports {higher} of a higher room"
