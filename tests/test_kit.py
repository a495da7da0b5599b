"""Packages that bench new writes: they keep the contract as they are."""

import ast
import sys
import tomllib
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint

# Parts of these load once: not within pytester, which forgets what it saw loaded.
import matplotlib.backends.backend_svg  # noqa: F401
import pandas as pd  # noqa: F401
import pytest
import scipy.stats  # noqa: F401
import seaborn  # noqa: F401
import torchvision  # noqa: F401
from PIL import Image

import bench.api.evaluating  # noqa: F401
import bench.report.write  # noqa: F401
from bench import registry
from bench.data.dataset import DatasetRequest
from bench.errors import BenchError
from bench.kit.make import KINDS, make_package

pytest_plugins = ("pytester",)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Write a package and register what it names, as installing it would."""

    def install(kind):
        folder = make_package(kind, f"my-{kind}", tmp_path).folder
        metadata = tomllib.loads((folder / "pyproject.toml").read_text())
        ((group, lines),) = metadata["project"]["entry-points"].items()
        assert group == registry.GROUPS[kind]
        ((name, value),) = lines.items()
        known = registry._registered(kind)
        monkeypatch.setitem(known, name, EntryPoint(name, value, group))
        monkeypatch.syspath_prepend(folder)
        yield_module = value.partition(":")[0]
        sys.modules.pop(yield_module, None)
        return folder, registry.load(kind, name)

    return install


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_registered_and_readable(installed, kind):
    folder, value = installed(kind)
    assert (value.names[0] if kind == "encoder" else value.name) == f"my-{kind}"
    for path in folder.rglob("*.py"):
        ast.parse(path.read_text())
        assert max(map(len, path.read_text().splitlines())) <= 120
    assert (
        f"bench.testing.{import_module('bench.kit.make').CONTRACTS[kind]}"
        in (folder / "tests" / "test_contract.py").read_text()
    )


@pytest.mark.parametrize(
    ("kind", "tests"),
    [
        ("policy", 9),
        ("method", 9),
        ("encoder", 5),
        ("thresholding", 12),
        ("cost", 5),
        ("backend", 20),
        ("figure", 6),
        ("table", 5),
    ],
)
def test_it_keeps_the_contract(installed, kind, tests, pytester):
    """Its own tests, in a session of their own over it alone."""
    folder, _ = installed(kind)
    pytester.makepyfile((folder / "tests" / "test_contract.py").read_text())
    result = pytester.runpytest_inprocess(
        "-p", "bench.testing.plugin", "-p", "no:cacheprovider", "-q", "-k", f"my-{kind}", plugins=[]
    )
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] >= tests, result.stdout.str()
    assert "failed" not in outcomes
    assert "errors" not in outcomes


def test_a_method_has_the_presets_that_the_methods_here_have(installed):
    _, method = installed("method")
    assert set(method.presets) == set(registry.method("hashreid").presets)


def test_the_dataset_reads_what_it_says(installed, tmp_path):
    _, reader = installed("dataset")
    for split, pids in (("train", (5, 6)), ("query", (1, 2)), ("gallery", (1, 2, 2))):
        (tmp_path / "data" / split).mkdir(parents=True)
        for place, pid in enumerate(pids):
            camera = 1 if split == "query" else 2
            Image.new("RGB", (8, 16)).save(tmp_path / "data" / split / f"{pid:04}_c{camera}s1_{place:06}_00.png")
    found = reader.open(DatasetRequest(tmp_path / "data"))
    assert [(sample.pid, sample.camid) for sample in found.gallery] == [(1, 2), (2, 2), (2, 2)]
    (tmp_path / "data" / "query" / "somebody.png").touch()
    with pytest.raises(BenchError, match="expected a name like"):
        reader.open(DatasetRequest(tmp_path / "data"))


def test_names_that_cannot_be_are_refused(tmp_path):
    for kind, name, message in (
        ("loss", "mine", "unknown kind of plug-in 'loss'"),
        ("policy", "My Policy", "small letters, digits and single hyphens"),
        ("policy", "gs", "there is a policy gs already"),
        ("encoder", "resnet", "there is an encoder resnet already"),
        ("policy", "class", "Python or a package that is installed has this name"),
        ("cost", "time", "as my-time"),
        ("table", "statistics", "as my-statistics"),
        ("policy", "numpy", "as my-numpy"),
        ("method", "bench", "as my-bench"),
        ("policy", "reid-budget-bench", "as my-reid-budget-bench"),
    ):
        with pytest.raises(BenchError, match=message):
            make_package(kind, name, tmp_path)
    assert not list(tmp_path.iterdir())
    make_package("policy", "mine", tmp_path)
    with pytest.raises(BenchError, match="is there already"):
        make_package("policy", "mine", tmp_path)


def test_what_is_installed_to_be_edited_keeps_its_name(monkeypatch, tmp_path):
    """Its folder is on no path: a finder of its own knows it."""

    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            return ModuleSpec(name, None, origin="elsewhere/edited.py") if name == "edited" else None

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder])
    with pytest.raises(BenchError, match="as my-edited"):
        make_package("policy", "edited", tmp_path)


@pytest.mark.parametrize(("kind", "name"), [("figure", "exits"), ("table", "exits"), ("encoder", "resnet50")])
def test_what_is_here_without_a_plug_in_of_its_name_keeps_it(bench, tmp_path, kind, name):
    status, _, err = bench("new", kind, name, "--into", tmp_path)
    assert status == 1
    assert f"{kind} {name} already" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("kind", "name"), [("policy", "all"), ("method", "all"), ("method", "static")])
def test_words_for_several_are_no_names(bench, tmp_path, kind, name):
    status, _, err = bench("new", kind, name, "--into", tmp_path)
    assert status == 1
    assert f"where a {kind} is named, {name} stands for several: choose another name, as my-{name}" in " ".join(
        err.split()
    )
    assert not list(tmp_path.iterdir())


def test_what_comes_next_can_be_typed(bench, tmp_path):
    _, out, _ = bench("new", "policy", "mine", "--into", tmp_path / "my own")
    assert f"cd '{tmp_path / 'my own' / 'mine'}'" in out


def test_the_command_says_what_comes_next(bench, tmp_path):
    status, out, err = bench("new", "dataset", "my-photographs", "--into", tmp_path)
    assert (status, err) == (0, "")
    for words in ("pip install --editable .", "python -m pytest", "bench run --method hashreid"):
        assert words in out
