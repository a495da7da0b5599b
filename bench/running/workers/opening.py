"""From what ``--workers`` asks for to workers that are ready, and in words."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bench import registry
from bench.counts import count_of
from bench.data.images import open_store
from bench.deadline import Deadline
from bench.progress import Reporter
from bench.running.request import RunRequest
from bench.running.workers.asked import WorkersAsked
from bench.running.workers.events import Workers


def open_workers(
    asked: WorkersAsked, requests: Sequence[RunRequest], deadline: Deadline, reporter: Reporter
) -> Workers:
    """Get workers ready for these runs.

    Raises BenchError where a package is missing, a cluster cannot be reached, or the data cannot be read.
    """
    if asked.kind == "ray":
        from bench.running.workers.ray_tasks import RayTasks

        return RayTasks(asked, requests, time.time() + deadline.left, reporter)
    if asked.kind == "slurm":
        from bench.running.workers.slurm_jobs import SlurmJobs

        return SlurmJobs(asked.resources, requests, reporter)
    from bench.running.workers.local_processes import LocalProcesses, accelerators, threads_each

    _prepare(requests, reporter)
    count = min(asked.count, len(requests))
    threads = threads_each(count, asked.resources.cpus)
    return LocalProcesses(count, threads, lambda: deadline.left, accelerators(requests[0].device))


def _prepare(requests: Sequence[RunRequest], reporter: Reporter) -> None:
    """Render and decode once what all workers read: they would all begin with that."""
    done = set()
    for request in requests:
        size = request.resolve()[2].stored_size
        what = (request.dataset, request.data.root, tuple(sorted(request.data.options.items())), size, request.cache)
        if what not in done:
            done.add(what)
            dataset = registry.dataset(request.dataset).open(request.data, reporter)
            for samples in (dataset.train, dataset.query, dataset.gallery):
                open_store(samples, size, request.cache / "images", reporter)


def describe_workers(asked: WorkersAsked, requests: Sequence[RunRequest]) -> dict[str, str]:
    """Say who would do these runs, line by line; nothing is started or reached."""
    resources = asked.resources
    given = [
        count_of(value, name) for name, value in (("CPU", resources.cpus), ("GPU", resources.gpus)) if value is not None
    ]
    given += [] if resources.memory_gb is None else [f"{resources.memory_gb} GB"]
    if asked.kind == "local":
        from bench.running.workers.local_processes import threads_each

        count = min(asked.count, len(requests))
        threads = threads_each(count, resources.cpus)
        return {
            "who": f"{count_of(count, 'process')} of {count_of(threads, 'thread')} on this machine; "
            "each takes the next run when it is free"
        }
    if asked.kind == "ray":
        where = asked.address or "the Ray cluster of this machine, or one that is started for this"
        return {"who": where, "each run": ", ".join(given) or "its part of the CPUs, and a GPU where there are any"}
    words = [f"{name} {value}" for name, value in resources.slurm.items()]
    from bench.running.workers.slurm_jobs import minutes_of

    return {
        "who": f"an array of {count_of(len(requests), 'Slurm job')}"
        + (f", {resources.parallel} at once" if resources.parallel else ""),
        "each run": ", ".join(
            [*given, f"{minutes_of(resources)} minutes, queued again where that is too little", *words]
        ),
    }
