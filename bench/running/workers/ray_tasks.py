"""Workers that are tasks of a Ray cluster, which places them, and begins those again whose node is lost.

Where a node sees the results folder, a task writes there; elsewhere it is sent what there is of its run, and sends back
what it made.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.errors import BenchError
from bench.progress import Reporter
from bench.provenance import code_version
from bench.running.request import RunRequest
from bench.running.workers.asked import WorkersAsked
from bench.running.workers.events import Ended, Event, Lost, Outcome
from bench.running.workers.grid import RETRIES
from bench.running.workers.ray_node import Mailbox, Sender, do_task, sees
from bench.running.workers.ray_resources import resources_of, told
from bench.temporary import folder_in

LOOK_EVERY_SECONDS = 1.0
MARK = ".sees-"
"""Begins the name of a temporary folder in the results folder."""
PROBE_SECONDS = 60.0
"""How long a node may take to start a process and look for a file."""


def _broken(problem: Exception) -> BenchError:
    return BenchError(
        f"--workers ray: Ray is installed and does not load ({type(problem).__name__}: {problem}). If amdsmi is "
        "installed on a machine without AMD's library, this is it: pip uninstall amdsmi. Else install Ray again: "
        "pip install --force-reinstall reid-budget-bench[ray]"
    )


@contextmanager
def _our_signals() -> Iterator[None]:
    """Keep our answers to signals: Ray's own to SIGTERM prints its stack, and ends with status 1."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, answer in before.items():
                signal.signal(number, answer)


class RayTasks:
    """Tasks on a Ray cluster, all handed in at once: Ray keeps those in line for which there is no room.

    Raises BenchError where Ray is not installed, or does not load.
    """

    retries = 0

    def __init__(self, asked: WorkersAsked, requests: Sequence[RunRequest], until: float, reporter: Reporter) -> None:
        try:
            import ray
        except ModuleNotFoundError as missing:
            if missing.name != "ray":
                raise _broken(missing) from missing
            raise BenchError("--workers ray needs Ray: pip install reid-budget-bench[ray]") from None
        except Exception as problem:  # whatever the packages raise that it looks for when it is loaded
            raise _broken(problem) from problem
        self.ray, self.asked, self.until, self.reporter = ray, asked, until, reporter
        self.requests: dict[int, RunRequest] = {}
        self.results = requests[0].results.resolve()
        self._marked = ExitStack()
        self._runs: dict[Any, int] = {}
        self._mailbox: Any = None
        self._count = len(requests)
        self._device = requests[0].device

    def __enter__(self) -> RayTasks:
        """Reach the cluster. Raises BenchError where it does not answer, or a node lacks this suite."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._connect()
        try:
            nodes = [node for node in self.ray.nodes() if node["Alive"]]
            resources = resources_of(self.asked.resources, self._count, nodes, self._device)
            self.cpus = int(resources["num_cpus"])
            self._task = self.ray.remote(do_task).options(max_retries=RETRIES, **resources)
            here = NodeAffinitySchedulingStrategy(self.ray.get_runtime_context().get_node_id(), soft=True)
            self._mailbox = self.ray.remote(Mailbox).options(num_cpus=0, scheduling_strategy=here).remote()
            self.sender = Sender(code_version(), str(Path.cwd()), self._set_mark())
            self.shared = all(self._mark_seen(node["NodeID"]) for node in nodes)
            self.reporter.note(told(resources, nodes, self.shared))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _set_mark(self) -> str:
        """Leave something in the results folder by which a node can tell that it sees it, and name that."""
        try:
            self.results.mkdir(parents=True, exist_ok=True)
            return self._marked.enter_context(folder_in(self.results, MARK)).name
        except OSError as problem:
            raise BenchError(f"cannot write {self.results} ({problem.strerror}); choose other --results") from None

    def _mark_seen(self, node: str) -> bool:
        """Whether a node sees the results folder."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        mark = self.results / self.sender.mark
        there = NodeAffinitySchedulingStrategy(node, soft=False)
        probe = self.ray.remote(sees).options(num_cpus=0, scheduling_strategy=there)
        try:
            return bool(self.ray.get(probe.remote(mark), timeout=PROBE_SECONDS))
        except self.ray.exceptions.RayError as problem:
            last = (str(problem).strip().splitlines() or [type(problem).__name__])[-1]
            raise BenchError(f"node {node[:6]} cannot do runs ({last}): is this suite installed there?") from None

    def _connect(self) -> None:
        if self.ray.is_initialized():
            return
        options: dict[str, Any] = {"address": self.asked.address} if self.asked.address else {}
        try:
            with _our_signals():
                self.ray.init(logging_level=logging.ERROR, log_to_driver=False, **options)
        except Exception as problem:  # of many kinds, from sockets to versions that differ
            last = (str(problem).strip().splitlines() or [type(problem).__name__])[-1]
            where = self.asked.address or "the Ray cluster of this machine"
            raise BenchError(f"cannot reach {where} ({last}): is it running (ray status), and its port open?") from None

    def submit(self, requests: Sequence[tuple[int, RunRequest]]) -> None:
        """Hand runs in."""
        from bench.running.workers.carrying import packed

        for run, request in requests:
            request = replace(request, results=self.results)
            self.requests[run] = request
            begun = b"" if self.shared else packed(request)
            task = self._task.remote(run, request, begun, self.sender, self._mailbox, self.until, self.cpus)
            self._runs[task] = run

    def events(self) -> Sequence[Event]:
        """Hear what tasks say, and take the outcome of those that ended."""
        ended, _ = self.ray.wait(list(self._runs), num_returns=1, timeout=LOOK_EVERY_SECONDS)
        found: list[Event] = []
        # Without the mailbox runs go on, and only what they say is missed.
        with suppress(self.ray.exceptions.RayError):
            found += self.ray.get(self._mailbox.take.remote(), timeout=10 * LOOK_EVERY_SECONDS)
        for task in ended:
            run = self._runs.pop(task)
            try:
                outcome = self.ray.get(task)
            except self.ray.exceptions.RayTaskError as problem:
                found.append(Ended(run, Outcome("", failed=str(problem))))
            except self.ray.exceptions.RayError as problem:
                found.append(Lost(run, f"{type(problem).__name__}: {str(problem).strip().splitlines()[0]}"))
            else:
                from bench.running.workers.carrying import put_back

                found.append(Ended(run, put_back(self.requests[run], outcome) if outcome.archive else outcome))
        return found

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the tasks that have not ended, and let go of the cluster."""
        with suppress(OSError):
            self._marked.close()
        with suppress(self.ray.exceptions.RayError):
            for task in self._runs:
                self.ray.cancel(task, force=True)
        self.ray.shutdown()
