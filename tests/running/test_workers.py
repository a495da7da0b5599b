"""A grid by workers: who is lost is replaced once, whatever fails is named, the rest is done."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from bench.at_work import at_work, check_alone
from bench.errors import BenchError
from bench.progress import SILENT
from bench.running.plan import Forecast
from bench.running.request import RunRequest
from bench.running.workers.asked import WorkersAsked
from bench.running.workers.events import Began, Ended, Lost, Outcome, Said, Telling
from bench.running.workers.grid import run_grid
from bench.running.workers.local_processes import LocalProcesses
from bench.running.workers.ray_tasks import RayTasks
from bench.running.workers.slurm_jobs import SlurmWork
from bench.running.workers.work import do_run, patiently
from bench.runs.folder import FolderHeld

GRID = [RunRequest("hashreid", "smoke", seed=seed, precision="float32", device="cpu") for seed in range(5)]


class Fake:
    """Workers that say what they are told to say of each run, one run after the other."""

    retries = 1

    def __init__(self, words):
        self.words, self.waiting, self.handed_in = words, [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def submit(self, requests):
        self.waiting += requests
        self.handed_in += [run for run, _ in requests]

    def events(self):
        run, request = self.waiting.pop(0)
        return [Began(run, "here"), self.words[request.seed].pop(0)(run)]


def done(run):
    return Ended(run, Outcome("here", records=f"run {run}"))


def lost(run):
    return Lost(run, "it fell over")


def failed(run):
    return Ended(run, Outcome("here", failed="no such weights"))


def test_who_is_lost_is_tried_once_more_and_the_rest_is_done():
    heard = []
    workers = Fake({0: [done], 1: [lost, done], 2: [failed], 3: [lost, lost], 4: [done]})
    outcomes = run_grid(GRID, workers, heard.append)
    assert [outcome.records for outcome in outcomes] == ["run 0", "run 1", "", "", "run 4"]
    assert [outcome.failed for outcome in outcomes] == [
        "",
        "",
        "no such weights",
        "its worker was lost: it fell over",
        "",
    ]
    assert workers.handed_in == [0, 1, 2, 3, 4, 1, 3]
    assert [(event.run, event.again) for event in heard if isinstance(event, Lost)] == [
        (1, True),
        (3, True),
        (3, False),
    ]


def test_workers_that_replace_the_lost_themselves_are_not_asked_again():
    workers = Fake({0: [lost]})
    workers.retries = 0
    assert run_grid(GRID[:1], workers)[0].failed.endswith("it fell over")
    assert workers.handed_in == [0]


def test_a_run_that_is_there_twice_is_done_once():
    workers = Fake({0: [done], 1: [done]})
    outcomes = run_grid([GRID[1], GRID[0], GRID[1]], workers)
    assert workers.handed_in == [0, 1]
    assert [outcome.records for outcome in outcomes] == ["run 0", "run 1", "run 0"]


def serve(request: RunRequest, telling: Telling, where: str, seconds: float) -> Outcome:
    """What processes do here: seed 1 is killed at first, seed 3 always, and all tell how they were started."""
    telling.note(f"threads {os.environ['OMP_NUM_THREADS']}, device {os.environ.get('CUDA_VISIBLE_DEVICES')}")
    first = not request.results.with_name(f"{request.seed}").exists()
    request.results.with_name(f"{request.seed}").touch()
    if request.seed == 3 or (request.seed == 1 and first):
        os.kill(os.getpid(), signal.SIGKILL)
    return Outcome(where, records=f"{request.seed}", stopped="" if seconds > 50 else "early")


def test_processes_that_are_killed_are_replaced(tmp_path):
    grid = [replace(request, results=tmp_path / "results") for request in GRID[:4]]
    heard = []
    with LocalProcesses(2, 3, lambda: 99.0, ("4", "7"), serve) as workers:
        outcomes = run_grid(grid, workers, heard.append)
        processes = [worker.process for worker in workers._workers.values()]
    assert [outcome.records for outcome in outcomes] == ["0", "1", "2", ""]
    assert "was ended by SIGKILL" in outcomes[3].failed
    assert not any(process.is_alive() for process in processes)
    notes = {event.text for event in heard if isinstance(event, Said)}
    assert notes <= {"threads 3, device 4", "threads 3, device 7"}
    assert {outcome.where for outcome in outcomes[:3]} <= {"process 1", "process 2"}


def test_what_goes_wrong_in_a_run_is_its_outcome(monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr("bench.running.run.run", broken)
    outcome = do_run(GRID[0], Telling(0), "here")
    assert "Traceback" in outcome.failed
    assert "a defect" in outcome.failed


def test_a_folder_that_is_held_is_waited_for(monkeypatch):
    left = [2]

    def attempt():
        left[0] -= 1
        if left[0] >= 0:
            raise FolderHeld("held")
        return "free"

    monkeypatch.setattr("bench.running.workers.work.LOOK_EVERY_SECONDS", 0.0)
    assert patiently(attempt) == "free"
    left[0] = 1
    with pytest.raises(FolderHeld):
        patiently(attempt, 0.0)


def test_commands_refuse_what_cannot_be(bench):
    grid = ("run", "-m", "hashreid", "--preset", "smoke")
    for options, says in (
        (("--workers", "cloud"), "local:N, ray"),
        (("--resources", "cpus=2"), "name --workers, too"),
        (("--workers", "slurm", "--time-limit", "9m"), "--resources time=2h"),
        (("--workers", "slurm", "--fresh"), "begin again"),
        (("--workers", "local:2", "--resources", "cpus=many"), "whole number"),
    ):
        status, _, err = bench(*grid, *options)
        assert (status, says in err) == (1, True)
    for command in (("latency", "-m", "hashreid"), ("infer", "any")):
        status, _, err = bench(*command, "--workers", "local:2")
        assert (status, "has the machine to itself" in err) == (1, True)


def test_a_ray_that_does_not_load_is_told(monkeypatch, tmp_path):
    """As where amdsmi, which Ray looks for, finds no library of AMD's."""
    (tmp_path / "ray.py").write_text("raise KeyError('libamd_smi.so')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "ray"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(BenchError, match=r"does not load \(KeyError: 'libamd_smi.so'\).*pip uninstall amdsmi"):
        RayTasks(WorkersAsked("ray"), [], 0.0, SILENT)


def test_ray_takes_no_signal_from_the_command(monkeypatch):
    """Ray answers SIGTERM by a stack and status 1 once it is connected; the command has a word and a status for it."""

    def init(**_):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init, is_initialized=lambda: False))
    before = signal.getsignal(signal.SIGTERM)
    RayTasks(WorkersAsked("ray"), GRID[:1], 0.0, SILENT)._connect()
    after = signal.signal(signal.SIGTERM, before)
    assert after is before


@pytest.mark.parametrize(("workers", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_a_package_that_is_missing_is_named(bench, monkeypatch, workers, package):
    monkeypatch.setitem(sys.modules, package, None)
    status, _, err = bench("run", "-m", "hashreid", "--preset", "smoke", "--data", "size=smoke", "--workers", workers)
    assert (status, f"pip install reid-budget-bench[{workers}]" in err) == (1, True)


def test_a_dry_run_says_who_would_do_what(bench, tmp_path, monkeypatch):
    hours = {"hashreid": 3600.0, "dare": 7200.0}
    monkeypatch.setattr("bench.cli.run.forecast", lambda request: Forecast({"time": "some"}, hours[request.method]))
    grid = ("run", "-m", "hashreid,dare", "--preset", "smoke", "--results", tmp_path, "--dry-run")
    _, out, _ = bench(*grid, "--workers", "local:3", "--resources", "cpus=2")
    assert "2 processes of 2 threads" in out
    assert "run 2  dare, preset smoke, seed 0" in out
    assert "about 3 hours for 2 runs" in out
    _, out, _ = bench(*grid, "--seeds", "0,1")
    assert "about 6 hours for 4 runs" in out
    monkeypatch.setattr("bench.cli.run.forecast", lambda request: Forecast({"time": "some"}))
    _, out, _ = bench(*grid)
    assert "runs, one after another" not in out
    _, out, _ = bench(*grid, "--workers", "ray://head", "--resources", "gpus=1")
    assert "ray://head:10001" in out
    assert "1 GPU\n" in out
    _, out, _ = bench(*grid, "--workers", "slurm", "--resources", "time=90m,partition=gpu")
    assert "an array of 2 Slurm jobs" in out
    assert "90 minutes, queued again" in out
    assert not list(tmp_path.iterdir())


def test_a_grid_by_workers_ends_in_the_tables_of_its_runs(bench, monkeypatch, tmp_path):
    """Tables in the order of the grid, the failed ones named, status 1; 75 where the time was up."""
    shown = []
    outcomes = {"hashreid": done(1).outcome, "dare": failed(2).outcome, "msdnet": done(3).outcome}
    monkeypatch.setattr("bench.running.workers.opening.open_workers", lambda *_: Fake({}))
    monkeypatch.setattr(
        "bench.running.workers.grid.run_grid",
        lambda requests, workers, saw: [outcomes[request.method] for request in requests],
    )
    monkeypatch.setattr("bench.running.result.read_result", lambda folder, path: path.name)
    monkeypatch.setattr("bench.cli.grid.show_run", lambda title, result: shown.append((title, result)))
    grid = ("run", "-m", "hashreid,dare,msdnet", "--preset", "smoke", "--workers", "local:2", "--results", tmp_path)
    status, _, err = bench(*grid)
    assert (status, "dare, preset smoke, seed 0: no such weights" in err, "1 of 3 runs failed" in err) == (
        1,
        True,
        True,
    )
    assert [result for _, result in shown] == ["run 1", "run 3"]
    outcomes["msdnet"] = Outcome("a", stopped="in training, 3 epochs are kept")
    status, _, err = bench(*grid)
    assert (status, "1 of 3 runs are finished" in err, "no such weights" in err) == (75, True, True)


def test_a_job_is_queued_again_with_the_same_run(tmp_path):
    pytest.importorskip("submitit")
    work = SlurmWork(tmp_path, 100.0)
    again = work.checkpoint(3, GRID[0])
    assert (again.function, again.args) == (work, (3, GRID[0]))


def test_nothing_is_timed_beside_others(bench, tmp_path):
    code = "from bench.at_work import at_work\nwith at_work('run'): print('now', flush=True); input()"
    latency = ("latency", "-m", "hashreid", "--preset", "smoke", "--results", tmp_path)
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True) as other:
        other.stdout.readline()
        for command in (latency, ("infer", "any", "--results", tmp_path)):
            status, _, err = bench(*command)
            assert (status, f"bench run (process {other.pid})" in err, "--busy" in err) == (1, True, True)
        with at_work("latency"):
            assert check_alone(busy=True) == [f"bench run (process {other.pid})"]
        other.kill()
    # A process that was killed could not say that it left.
    assert check_alone(busy=False) == []
    assert not list(tmp_path.iterdir())
