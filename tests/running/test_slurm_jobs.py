"""Jobs as submitit starts them, on this machine: all but Slurm itself."""

import sys

import pytest
import torch
from notes import Notes
from records_compared import without_times

from bench.running.run import run
from bench.running.workers.asked import Resources
from bench.running.workers.events import Began, Said
from bench.running.workers.grid import run_grid
from bench.running.workers.slurm_jobs import SlurmJobs, SlurmWork
from bench.spec import SweepSpec


class Hurried(SlurmWork):
    """Has no time at first: it stops after a batch, and is queued again with all the time it needs."""

    def checkpoint(self, run, request):
        self.seconds = 1000.0
        return super().checkpoint(run, request)


SWEEP = SweepSpec(("random", "gs"), budgets=3, resamples=20)


@pytest.mark.slow
def test_jobs_that_run_out_of_time_are_queued_again_and_end_in_the_same_records(smoke_request, tmp_path, monkeypatch):
    submitit = pytest.importorskip("submitit")
    threads = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    requests = [
        smoke_request(method=method, sweep=SWEEP, precision="float32") for method in ("hashreid", "dare", "hashreid")
    ]
    requests[2] = smoke_request(method="hashreid", data=requests[2].data, dataset="market1501")
    heard, notes = [], Notes()
    jobs = SlurmJobs(Resources(cpus=1, seconds=600), requests, notes, cluster="local")
    cloudpickle = pytest.importorskip("cloudpickle")
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    jobs.work = Hurried(jobs.folder, 0.001)
    with jobs as workers:
        outcomes = run_grid(requests, workers, heard.append)
    assert isinstance(jobs.executor._executor, submitit.LocalExecutor)
    assert [bool(outcome.failed) for outcome in outcomes] == [False, False, True]
    assert {event.run for event in heard if isinstance(event, Began)} >= {0, 1}
    assert any(isinstance(event, Said) for event in heard)
    log = "".join(path.read_text() for path in jobs.folder.glob("*log.out"))
    assert log.count("Requeued") == 2
    torch.set_num_threads(1)
    for request, outcome in zip(requests[:2], outcomes, strict=False):
        alone = run(smoke_request(**{**vars(request), "results": tmp_path / "serial"}))
        assert without_times(request.results / outcome.records) == without_times(alone.path)
    torch.set_num_threads(threads)
