"""Workers that are jobs of Slurm, one for each run, submitted as an array through submitit.

A job ends before its time limit with everything kept, and is queued again: by the time limit of a run where that is
noticed between two steps, else by the signal that Slurm sends before it ends a job. The folder that submitit keeps its
files in, and the results folder, must lie where all nodes see them.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.errors import BenchError
from bench.files import read_json, write_json
from bench.progress import Reporter
from bench.running.request import RunRequest
from bench.running.workers.asked import Resources
from bench.running.workers.events import Began, Ended, Event, Lost, Outcome, Said, Telling
from bench.running.workers.grid import RETRIES
from bench.running.workers.slurm_queue import Queued, look
from bench.running.workers.work import do_run

FOLDER = ".slurm"
"""Where jobs and their logs are kept, under the results folder."""
DEFAULT_MINUTES = 240
SIGNAL_SECONDS = 120
"""How long before the end of a job Slurm sends its signal."""
MARGIN_SECONDS = 60
"""A run stops by itself so much before that."""
MOST_TIMEOUTS = 1000
"""How often a job may come to its time limit: every time it has got on."""
LOOK_EVERY_SECONDS = 2.0
"""At the files of jobs."""
ASK_EVERY_SECONDS = 30.0
"""Least time between two questions to Slurm."""


def minutes_of(resources: Resources) -> int:
    """Give the time limit of a job in minutes."""
    return math.ceil(resources.seconds / 60) if resources.seconds else DEFAULT_MINUTES


class SlurmWork:
    """One run as a job: called where it runs, and asked by submitit what to queue again when its time is up."""

    def __init__(self, told: Path, seconds: float) -> None:
        self.told, self.seconds = told, seconds

    def __call__(self, run: int, request: RunRequest) -> Outcome:
        """Do the run; where its time is up, have the job queued again."""
        outcome = do_run(request, _ToFile(run, self.told), seconds=self.seconds)
        if outcome.stopped:
            from submitit.core.job_environment import JobEnvironment

            # submitit's answer to this signal queues the job again and ends the process.
            os.kill(os.getpid(), JobEnvironment._usr_sig())
            signal.pause()
        return outcome

    def checkpoint(self, run: int, request: RunRequest) -> Any:
        """Say what is queued again: the same run, which goes on from what is kept."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, run, request)


class _ToFile(Telling):
    """Writes the last word to a file that the submitting process looks at."""

    def __init__(self, run: int, folder: Path) -> None:
        super().__init__(run)
        self.file = folder / f"{run}.json"

    def send(self, event: Event) -> None:
        """Put the last word in place of the one before; a full disk is the run's own to notice."""
        if isinstance(event, Said):
            with suppress(OSError):
                write_json(self.file, {"text": event.text})


class SlurmJobs:
    """Jobs of one array, in the cluster ``cluster`` of submitit; ``local`` are processes of this machine.

    Raises BenchError where submitit or Slurm is not there, or the results folder cannot be written.
    """

    retries = RETRIES

    def __init__(
        self, resources: Resources, requests: Sequence[RunRequest], reporter: Reporter, cluster: str = "slurm"
    ) -> None:
        try:
            import submitit
        except ImportError:
            raise BenchError("--workers slurm needs submitit: pip install reid-budget-bench[slurm]") from None
        if cluster == "slurm" and shutil.which("sbatch") is None:
            raise BenchError("--workers slurm found no sbatch on this machine: submit from a login node of the cluster")
        self.folder = (requests[0].results / FOLDER / time.strftime("%Y%m%d-%H%M%S")).resolve()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise BenchError(f"cannot write {self.folder} ({problem.strerror}); choose other --results") from None
        minutes = minutes_of(resources)
        limits = {f"{cluster}_max_num_timeout": MOST_TIMEOUTS}
        self.executor = submitit.AutoExecutor(self.folder, cluster=cluster, **limits)
        self.executor.update_parameters(name="bench", timeout_min=minutes, **_parameters(resources, cluster))
        self.work = SlurmWork(self.folder, 60.0 * minutes - SIGNAL_SECONDS - MARGIN_SECONDS)
        self.reporter, self.cluster = reporter, cluster
        self._jobs: dict[int, Any] = {}
        self._begun: set[int] = set()
        self._told: dict[int, str] = {}
        self._waits: dict[int, str] = {}
        self._ended: set[int] = set()
        self._looked = -math.inf

    def __enter__(self) -> SlurmJobs:
        """Say where the logs are."""
        self.reporter.note(f"jobs and their logs are in {self.folder}")
        return self

    def submit(self, requests: Sequence[tuple[int, RunRequest]]) -> None:
        """Submit runs as one array. Raises BenchError where Slurm refuses it."""
        try:
            jobs = self.executor.map_array(self.work, *zip(*requests, strict=True))
        except Exception as problem:  # submitit passes on what sbatch says, as errors of its own
            raise BenchError(f"Slurm does not take the jobs: {str(problem).strip()}") from problem
        self._jobs |= {run: job for (run, _), job in zip(requests, jobs, strict=True)}

    def events(self) -> Sequence[Event]:
        """Look at every job, at its last word, and now and then at what Slurm says of it."""
        time.sleep(LOOK_EVERY_SECONDS)
        with suppress(OSError):
            self.folder.chmod(self.folder.stat().st_mode)  # at which a network file system looks for what is new
        found: list[Event] = []
        queue = self._look()
        for run, job in list(self._jobs.items()):
            told = self.folder / f"{run}.json"
            if run not in self._begun and told.exists():
                self._begun.add(run)
                found.append(Began(run, f"job {job.job_id}"))
            if told.exists() and (text := read_json(told).get("text", "")) != self._told.get(run):
                self._told[run] = text
                found.append(Said(run, text))
            queued = queue.get(job.job_id)
            if queued is not None and (reason := queued.waits_for) != self._waits.get(run, ""):
                self._waits[run] = reason
                found += [Said(run, f"waits in Slurm's queue ({reason})")] if reason else []
            end = self._end_of(run, job, queued)
            if end is not None:
                del self._jobs[run]
                found.append(end)
        return found

    def _look(self) -> dict[str, Queued]:
        """Ask Slurm, where that is due: controllers of large clusters are busy."""
        if self.cluster != "slurm" or time.monotonic() - self._looked < ASK_EVERY_SECONDS:
            return {}
        self._looked = time.monotonic()
        return look([job.job_id for job in self._jobs.values()])

    def _end_of(self, run: int, job: Any, queued: Queued | None) -> Event | None:
        """Say how a job ended: by its result, or by what Slurm says of it; None where it goes on."""
        if job.paths.result_pickle.exists() or (self.cluster != "slurm" and job.done()):
            try:
                return Ended(run, job.result())
            except Exception as problem:  # whatever ended the job, submitit tells it as an error
                return self._lost(run, job, str(problem))
        if queued is None:
            return None
        if not queued.ended:
            self._ended.discard(run)
            return None
        if run not in self._ended:
            # Its result may be on its way through the file system: the next look decides.
            self._ended.add(run)
            return None
        if queued.state == "CANCELLED":
            return Ended(run, Outcome("", failed=f"job {job.job_id} was cancelled"))
        return self._lost(run, job, job.stderr() or "", f" ({queued.state})")

    def _lost(self, run: int, job: Any, said: str, state: str = "") -> Lost:
        """Forget what is known of a job that ended without a result: the run may be submitted again."""
        self._begun.discard(run)
        self._ended.discard(run)
        self._told.pop(run, None)
        self._waits.pop(run, None)
        (self.folder / f"{run}.json").unlink(missing_ok=True)
        last = (said.strip().splitlines() or ["it said nothing"])[-1]
        return Lost(run, f"job {job.job_id} ended without a result{state}: {last}; its log is {job.paths.stderr}")

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel the jobs that have not ended; what they kept stays, and the same command goes on from it."""
        for job in self._jobs.values():
            job.cancel(check=False)


def _parameters(resources: Resources, cluster: str) -> dict[str, Any]:
    """Say it in submitit's words; those of Slurm alone are left out elsewhere."""
    asked = {
        "cpus_per_task": resources.cpus,
        "gpus_per_node": resources.gpus,
        "mem_gb": resources.memory_gb,
        "slurm_array_parallelism": resources.parallel,
        **{f"slurm_{name}": value for name, value in resources.slurm.items()},
        "slurm_signal_delay_s": SIGNAL_SECONDS,
        # A job whose node is lost is queued again by Slurm itself.
        "slurm_additional_parameters": {"requeue": True},
    }
    return {
        name: value
        for name, value in asked.items()
        if value is not None and (cluster == "slurm" or not name.startswith("slurm_"))
    }
