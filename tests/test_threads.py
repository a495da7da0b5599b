"""OpenMP's threads wait passively unless the user said otherwise; beside other work, a training advises fewer."""

import os
import subprocess
import sys
from importlib import import_module

import pytest
import torch
from notes import Notes
from typer.testing import CliRunner

from bench import threads
from bench.cli.app import application
from bench.errors import BenchError
from bench.running import stages
from bench.running.run import run
from bench.threads import advice

SEEN = """
import os, sys
from bench.cli import main
sys.argv = ["bench", "--version"]
assert "torch" not in sys.modules
try: main()
except SystemExit: pass
from ctypes import CDLL
from importlib.util import find_spec
from pathlib import Path
runtimes = list((Path(find_spec("torch").origin).parent / "lib").glob("libgomp*"))
for runtime in runtimes: CDLL(str(runtime))  # OpenMP reads its settings now, as when torch is imported
print(os.environ["OMP_WAIT_POLICY"])
"""


@pytest.mark.parametrize(("own", "expected"), [(None, "passive"), ("active", "active")])
def test_threads_wait_passively_unless_the_user_says_otherwise(own, expected):
    plain = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment = plain | ({} if own is None else {"OMP_WAIT_POLICY": own}) | {"OMP_DISPLAY_ENV": "true"}
    answer = subprocess.run(
        [sys.executable, "-c", SEEN], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    assert answer.stdout.split()[-1] == expected
    if "OMP_WAIT_POLICY" in answer.stderr:  # as libgomp prints what it read; other runtimes print nothing
        assert f"OMP_WAIT_POLICY = '{expected.upper()}'" in answer.stderr


@pytest.mark.parametrize(("own", "timed"), [(None, None), ("passive", "passive")])
def test_what_is_timed_alone_waits_as_openmp_does_or_as_the_user_said(monkeypatch, own, timed):
    monkeypatch.delenv(threads.POLICY, raising=False)
    monkeypatch.setattr(threads, "_set_here", [])
    if own:
        monkeypatch.setenv(threads.POLICY, own)
    threads.wait_passively()
    assert os.environ[threads.POLICY] == "passive"
    threads.wait_as_openmp_does()
    assert os.environ.get(threads.POLICY) == timed


@pytest.mark.parametrize("arguments", [["latency", "--method", "dare"], ["infer", "some-run"]], ids=lambda one: one[0])
@pytest.mark.parametrize("beside", [[], ["another run"]], ids=["alone", "busy"])
def test_commands_that_time_wait_as_openmp_does_where_they_are_alone(monkeypatch, tmp_path, arguments, beside):
    module = import_module(f"bench.cli.{arguments[0]}")
    waited = []

    def undone():
        waited.append(True)
        raise BenchError("far enough")

    def no_further(*_):
        raise BenchError("no further")

    monkeypatch.setattr(module, "check_alone", lambda busy: beside)
    monkeypatch.setattr(module, "wait_as_openmp_does", undone)
    monkeypatch.setattr("bench.device.open_device", no_further)
    answer = CliRunner().invoke(application(*arguments), [*arguments, "--results", str(tmp_path)])
    assert answer.exit_code == 1
    assert waited == ([] if beside else [True])


@pytest.mark.parametrize(
    ("threads", "cores", "others", "environment", "expected"),
    [
        (2, 2, 0.0, {}, None),  # a quiet machine
        (2, 2, 0.4, {}, None),  # and one that is almost quiet
        (2, 2, 1.0, {}, "OMP_NUM_THREADS=1 "),
        (2, 2, 9.0, {}, "OMP_NUM_THREADS=1 "),
        (16, 16, 1.2, {}, None),  # fifteen of sixteen find a core
        (16, 16, 4.2, {}, "OMP_NUM_THREADS=12 "),
        (8, 16, 4.2, {}, None),
        (1, 2, 9.0, {}, None),  # there is no less than one
        (2, 2, 9.0, {"OMP_NUM_THREADS": "2"}, None),  # the user has chosen
        (2, 2, 9.0, {"MKL_NUM_THREADS": "2"}, None),
        (2, 2, 9.0, {"OMP_NUM_THREADS": ""}, "OMP_NUM_THREADS=1 "),
    ],
)
def test_fewer_threads_are_advised_where_cores_are_taken(threads, cores, others, environment, expected):
    said = advice(threads, cores, others, environment)
    assert said is None if expected is None else expected in said


def test_threads_of_others_are_counted_without_this_one(tmp_path, monkeypatch):
    told = tmp_path / "loadavg"
    monkeypatch.setattr(threads, "RUNNING", told)
    monkeypatch.setattr(threads, "APART_SECONDS", 0)
    assert threads.others_running() == 0, "no such file on this system"
    for text, expected in (("2.95 2.49 1.12 4/211 9", 3), ("0.01 0.02 0.00 1/99 9", 0), ("unlike", 0), ("", 0)):
        told.write_text(text)
        assert threads.others_running() == expected


@pytest.mark.parametrize(("others", "notes"), [(9.0, 1), (0.0, 0)])
def test_a_training_beside_other_work_says_so_once(others, notes, smoke_request, monkeypatch):
    """Nothing else changes: the training that begins has the threads that it would have alone."""
    counts = []

    def begin(*arguments, **options):
        counts.append(torch.get_num_threads())
        raise BenchError("enough")

    monkeypatch.setattr(stages, "others_running", lambda: others)
    monkeypatch.setattr(stages, "train", begin)
    monkeypatch.setattr(stages.os, "cpu_count", lambda: 2)
    for name in threads.NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    said = Notes()
    with pytest.raises(BenchError, match="enough"):
        run(smoke_request(), said)
    assert sum("OMP_NUM_THREADS=1" in note for note in said.said) == notes
    assert counts == [2]
