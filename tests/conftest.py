"""What the tests share: a small rendered set, made once, and requests for runs on it."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench import registry
from bench.cli import main
from bench.data.dataset import DatasetRequest
from bench.running.request import RunRequest

LONG = (
    "baselines",
    "contract",
    "cost/test_macs.py",
    "data/synthped",
    "encoders",
    "inference",
    "report",
    "running",
    "search",
    "test_bad_input.py",
    "test_cli.py",
    "test_cli_gallery.py",
    "test_cli_infer.py",
    "test_cli_latency.py",
    "test_cli_model.py",
    "test_cli_search.py",
    "test_device.py",
    "test_layouts.py",
    "test_registry.py",
    "test_threads.py",
    "training/test_resume.py",
)
"""Where tests build, train or export networks, draw reports or run whole commands: ``make quick`` leaves them out."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that ``make quick`` leaves out."""
    folder = Path(__file__).parent
    for item in items:
        location = item.path.relative_to(folder)
        if any(location.is_relative_to(long) for long in LONG):
            item.add_marker(pytest.mark.long)


@pytest.fixture(scope="session", autouse=True)
def one_thread_a_worker() -> None:
    """Several test processes share the cores: threads that fight for them cost more than they bring."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        torch.set_num_threads(1)
        # Commands that a test starts add in the same order as the test's own process.
        os.environ["OMP_NUM_THREADS"] = "1"


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


@pytest.fixture
def smoke_request(cache, tmp_path):
    """Makes requests for a run of seconds: ``smoke_request(method="hashreid", seed=1, ...)``."""

    def make(**changes) -> RunRequest:
        values = {
            "method": "hashreid",
            "preset": "smoke",
            "data": DatasetRequest(cache, {"size": "smoke"}),
            "cache": cache,
            "results": tmp_path / "results",
            "device": "cpu",
        }
        return RunRequest(**{**values, **changes})

    return make


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
