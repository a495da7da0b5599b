"""What the tests share: a small rendered set, made once, and requests for runs on it."""

import functools
import gc
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from families import VARIANTS
from filelock import FileLock
from hypothesis import settings
from whole_run import request_maker

from bench import registry
from bench.cli import main
from bench.precision import resolve_precision
from bench.report import kinds
from bench.running.request import RunRequest
from bench.spec import EvaluationSpec, SweepSpec, digest

pytest_plugins = ("bench.testing.plugin",)

# A busy machine is no error of what is tested.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

TESTS = Path(__file__).parent
LONG = (
    "architecture",
    "baselines",
    "budget/test_official_simulation.py",
    "contract",
    "cost/test_macs.py",
    "cost/test_macs_of_operators.py",
    "data/synthped",
    "docs/test_examples.py",
    "encoders",
    "evaluation/test_run_embeddings.py",
    "infer_command",
    "inference",
    "report",
    "running",
    "search",
    "test_ascii_locale.py",
    "test_bad_input.py",
    "test_cli.py",
    "test_cli_compare.py",
    "test_cli_data.py",
    "test_cli_embed.py",
    "test_cli_gallery.py",
    "test_cli_latency.py",
    "test_cli_model.py",
    "test_cli_search.py",
    "test_device.py",
    "test_kit.py",
    "test_layouts.py",
    "test_multi_exit.py",
    "test_registry.py",
    "test_threads.py",
    "torture",
    "training/test_resume.py",
)
"""Where tests build, train or export networks, draw reports or run whole commands: ``make quick`` leaves them out."""

STARTED = (
    "torture",
    "running/test_devices.py",
    "running/test_shared_matching.py",
    "training/test_resume.py",
)
"""Where tests start commands, or other work, from a process with everything imported."""


@functools.cache
def is_long(path: Path) -> bool:
    return any(path.is_relative_to(TESTS / long) for long in LONG)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import no file whose tests are all left out: half of the time of ``make quick`` would go into that."""
    return True if "not long" in config.option.markexpr and is_long(collection_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what ``make quick`` leaves out, and the contract of methods that are another's at other options.

    Tests that start commands from a process with everything imported (``starter``) come first: one test process has
    them all, and needs one of these; and single ones take longest, which no process should be left with at the end.
    """
    forked = {
        path: any(path.is_relative_to(TESTS / start) for start in STARTED) for path in {item.path for item in items}
    }
    items.sort(key=lambda item: not forked[item.path])
    for item in items:
        if is_long(item.path):
            item.add_marker(pytest.mark.long)
        call = getattr(item, "callspec", None)
        if call is not None and call.params.get("method_name") in VARIANTS:
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for no garbage while libraries are imported, which takes a seventh of the time and finds next to none."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Set aside what was imported: looking for garbage in it, once or again and again, takes seconds."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def one_thread_a_worker() -> Iterator[None]:
    """Several test processes share the cores: threads and processes that fight for them cost more than they bring."""
    import torch  # not at the top: the process that hands tests out needs none of it

    with pytest.MonkeyPatch.context() as patch:
        if "PYTEST_XDIST_WORKER" in os.environ:
            torch.set_num_threads(1)
            # Commands that a test starts add in the same order as the test's own process.
            patch.setenv("OMP_NUM_THREADS", "1")
            patch.setattr("bench.report.draw.processes", lambda: 1)
        yield


@pytest.fixture(scope="session", autouse=True)
def made_once(shared_folder) -> Iterator[None]:
    """Every run counts multiply-adds and opens a device: what both look up anew each time is looked up once."""
    from importlib.metadata import entry_points

    from once import KeptCounts, nameless_traces

    kept = KeptCounts(shared_folder / "counts")
    with pytest.MonkeyPatch.context() as patch, nameless_traces():
        patch.setattr("bench.cost.macs.count", kept)
        patch.setattr("bench.cost.ledger.count", kept)
        patch.setattr("lightning_fabric.utilities.registry.entry_points", functools.cache(entry_points))
        yield


@pytest.fixture(scope="session", autouse=True)
def nobody_beside(tmp_path_factory) -> Iterator[None]:
    """What is timed in a test is refused beside commands of the same test alone, whoever else is at work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("at-work")))
        yield


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory) -> Path:
    """Folder that all test processes of one session share."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def cache(shared_folder) -> Path:
    """Rendered sets and decoded images: made once, whichever process needs them first."""
    return shared_folder / "cache"


@pytest.fixture(scope="session")
def trained(shared_folder):
    """``trained(request)`` puts the run of a request into its results folder, without records; gives the request.

    It is trained, embedded, priced and tabulated, and policies are fitted, once for all test processes: a test that
    does not look at how that is done starts from a copy.
    """
    everything = SweepSpec(tuple(registry.names("policy")), thresholdings=("exact",), budgets=2, resamples=2)
    home = shared_folder / "trained"
    folders: dict[str, Path] = {}

    def make(request: RunRequest) -> RunRequest:
        from bench.running.run import run

        # Named: ``auto`` would go on with a run of the other precision, if a test has had one trained.
        precision = resolve_precision(request.precision, request.device)
        plain = replace(
            request, results=home, sweep=everything, leave_out=True, evaluation=EvaluationSpec(), precision=precision
        )
        name = repr(plain)
        if name not in folders:
            home.mkdir(exist_ok=True)
            with FileLock(home / f"{digest(name)}.lock"):
                folders[name] = run(plain).folder.path
        copy = request.results / folders[name].relative_to(home)
        shutil.copytree(folders[name], copy, ignore=shutil.ignore_patterns("records-*", ".lock"))
        return request

    return make


@pytest.fixture(scope="session")
def starter():
    """Starts commands in processes of their own that need not import anything (:mod:`torture.starting`)."""
    from torture.starting import Starter

    return Starter()


@pytest.fixture
def smoke_request(cache, tmp_path):
    """Makes requests for a run of seconds: ``smoke_request(method="hashreid", seed=1, ...)``."""
    return request_maker(cache, tmp_path / "results")


@pytest.fixture(scope="module")
def module_request(cache, tmp_path_factory):
    """The same for a results folder that the tests of a module share."""
    return request_maker(cache, tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="session")
def kept_traces(shared_folder):
    """Stands in for ``trace_steps`` of an export: each network is traced once for all test processes."""
    from once import KeptTraces

    return KeptTraces(shared_folder / "traces")


@pytest.fixture
def traced_once(kept_traces, monkeypatch):
    """Exports are written from kept traces: for tests of what is made of them."""
    monkeypatch.setattr("bench.inference.export.write.trace_steps", kept_traces)


@pytest.fixture
def figures_drawn(monkeypatch):
    """``figures_drawn("budget")`` has reports draw those kinds of figures alone: for tests of something else."""

    def draw_only(*names: str) -> None:
        drawn = tuple(kind for kind in kinds.FIGURES if kind.name in names)
        assert len(drawn) == len(names), f"known: {', '.join(kind.name for kind in kinds.FIGURES)}"
        monkeypatch.setattr(kinds, "FIGURES", drawn)

    return draw_only


@pytest.fixture
def added_option(monkeypatch):
    """Gives a method options as if they had been added, with these defaults, after runs of it were kept."""

    def add(name: str, **defaults) -> None:
        known = registry.method
        changed = replace(known(name), option_defaults={**known(name).option_defaults, **defaults})
        monkeypatch.setattr(registry, "method", lambda wanted: changed if wanted == name else known(wanted))

    return add


@pytest.fixture
def bench(monkeypatch, capsys, cache):
    """Type a command: ``bench("run", …)`` gives (status, standard output, standard error)."""
    monkeypatch.setenv("BENCH_CACHE", str(cache))
    monkeypatch.delenv("BENCH_DATA_ROOT", raising=False)

    def type_(*arguments):
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, arguments)])
        status = 0
        try:
            main()
        except SystemExit as ended:
            status = ended.code or 0
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return type_
