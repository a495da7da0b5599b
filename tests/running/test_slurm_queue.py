"""What becomes of jobs that end without a result, with a ``squeue`` and a submitit that are stood in for."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.progress import SILENT
from bench.running.request import RunRequest
from bench.running.workers.asked import Resources
from bench.running.workers.events import Began, Ended, Lost, Outcome, Said
from bench.running.workers.grid import run_grid
from bench.running.workers.slurm_jobs import SlurmJobs
from bench.running.workers.slurm_queue import FORGOTTEN, Queued, look


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """A ``squeue`` that answers with the lines of a file, and the file."""
    answer, program = tmp_path / "answer", tmp_path / "bin" / "squeue"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec cat {answer}\n")
    program.chmod(0o755)
    (program.parent / "sbatch").symlink_to(program)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return answer


def test_states_are_read_for_the_jobs_asked_for(squeue):
    squeue.write_text("7_0|RUNNING|None\n7_1|PENDING|PartitionTimeLimit\n8|CANCELLED|None\n9|RUNNING|None\n")
    seen = look(["7_0", "7_1", "8", "10"])
    assert seen == {
        "7_0": Queued("RUNNING", "None"),
        "7_1": Queued("PENDING", "PartitionTimeLimit"),
        "8": Queued("CANCELLED", "None"),
        "10": Queued(FORGOTTEN),
    }
    assert [job for job, queued in seen.items() if queued.ended] == ["8", "10"]


def test_a_controller_that_does_not_answer_ends_no_job(squeue):
    assert not squeue.exists()  # the program fails
    assert look(["7_0"]) == {}


class Executor:
    """Hands out jobs by numbers that go on, 1 being the first; one has a result once its file is there."""

    def __init__(self, folder, **_):
        self.folder, self.jobs = folder, []

    def update_parameters(self, **_):
        pass

    def map_array(self, work, runs, requests):
        new = [self.job(len(self.jobs) + number) for number, _ in enumerate(runs, start=1)]
        self.jobs += new
        return new

    def job(self, number):
        result = self.folder / f"{number}_result.pkl"
        paths = SimpleNamespace(result_pickle=result, stderr=self.folder / f"{number}.err")
        outcome = Outcome("a node", records="records")
        return SimpleNamespace(
            job_id=str(number),
            paths=paths,
            result=lambda: outcome,
            stderr=lambda: "srun: error\nslurmstepd: killed\n",
            cancel=lambda check: None,
        )


@pytest.fixture
def jobs(squeue, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", SimpleNamespace(AutoExecutor=Executor))
    monkeypatch.setattr("bench.running.workers.slurm_jobs.LOOK_EVERY_SECONDS", 0.0)
    monkeypatch.setattr("bench.running.workers.slurm_jobs.ASK_EVERY_SECONDS", 0.0)
    results = Path(tmp_path / "results")
    requests = [RunRequest("hashreid", "smoke", seed=seed, results=results) for seed in range(2)]
    return SlurmJobs(Resources(), requests, SILENT), requests


def test_a_job_that_is_cancelled_fails_and_one_that_is_killed_is_submitted_once_more(jobs, squeue):
    workers, requests = jobs
    squeue.write_text("1|CANCELLED|None\n2|FAILED|NonZeroExitCode\n3|OUT_OF_MEMORY|None\n")
    heard = []
    outcomes = run_grid(requests, workers, heard.append)
    assert outcomes[0] == Outcome("", failed="job 1 was cancelled")
    assert "job 3 ended without a result (OUT_OF_MEMORY): slurmstepd: killed" in outcomes[1].failed
    assert [(event.run, event.again) for event in heard if isinstance(event, Lost)] == [(1, True), (1, False)]


def test_a_job_that_waits_says_why_and_a_late_result_counts(jobs, squeue):
    workers, requests = jobs
    workers.submit([(0, requests[0])])
    squeue.write_text("1|PENDING|PartitionTimeLimit\n")
    assert workers.events() == [Said(0, "waits in Slurm's queue (PartitionTimeLimit)")]
    (workers.folder / "0.json").write_text('{"text": "training"}')
    assert workers.events() == [Began(0, "job 1"), Said(0, "training")]
    assert workers.events() == []
    squeue.write_text("1|COMPLETED|None\n")
    assert workers.events() == []
    (workers.folder / "1_result.pkl").touch()
    assert workers.events() == [Ended(0, Outcome("a node", records="records"))]
