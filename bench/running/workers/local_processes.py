"""Workers that are processes of this machine, one after another run each."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pickle import UnpicklingError
from types import TracebackType

from bench.child_process import follow_parent
from bench.precision import resolve_device
from bench.running.request import RunRequest
from bench.running.workers.events import Began, Ended, Event, Lost, Outcome, Telling
from bench.running.workers.grid import RETRIES
from bench.running.workers.work import do_run
from bench.threads import usable_cores, wait_passively

LOOK_EVERY_SECONDS = 1.0
LEAVE_SECONDS = 10.0
"""How long a worker that is asked to stop may take to put its files in order."""
SPAWN = multiprocessing.get_context("spawn")
"""Nothing is inherited: a process that is forked with threads in the middle of something may hang."""

Do = Callable[[RunRequest, Telling, str, float], Outcome]
"""What does a run: given the request, who is told, its own name, and seconds."""


def threads_each(count: int, cpus: int | None = None) -> int:
    """Say how many threads each of ``count`` workers takes: as asked, as OMP_NUM_THREADS says, or its part of all."""
    named = os.environ.get("OMP_NUM_THREADS", "")
    return cpus or (int(named) if named.isdecimal() and int(named) else max(1, usable_cores() // count))


def accelerators(device: str) -> list[str]:
    """Name the accelerators that this process sees, as CUDA does; none where ``device`` is another."""
    if resolve_device(device) != "cuda":
        return []
    import torch

    there = torch.cuda.device_count()
    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    return named if len(named) == there else [str(one) for one in range(there)]


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    run: int | None = None


class LocalProcesses:
    """``count`` processes of ``threads`` threads each; ``seconds_left`` says how long the work may still take.

    Of several ``accelerators``, by their names for CUDA, each process sees one, in turn.
    """

    retries = RETRIES

    def __init__(
        self,
        count: int,
        threads: int,
        seconds_left: Callable[[], float] = lambda: math.inf,
        accelerators: Sequence[str] = (),
        do: Do = do_run,
    ) -> None:
        self.count, self.threads, self.seconds_left = count, threads, seconds_left
        self.accelerators, self.do = accelerators, do
        self._waiting: deque[tuple[int, RunRequest]] = deque()
        self._workers: dict[int, _Worker] = {}

    def __enter__(self) -> LocalProcesses:
        """Start nothing yet: a process is started when there is a run for it."""
        return self

    def submit(self, requests: Sequence[tuple[int, RunRequest]]) -> None:
        """Put runs in the line."""
        self._waiting.extend(requests)

    def events(self) -> Sequence[Event]:
        """Give free workers work, and hear what the others say."""
        found: list[Event] = []
        for number in range(self.count):
            if self._waiting and (number not in self._workers or self._workers[number].run is None):
                found += self._begin(number)
        busy = {worker.connection: number for number, worker in self._workers.items()}
        for connection in wait(list(busy), LOOK_EVERY_SECONDS):
            assert isinstance(connection, Connection)
            found += self._hear(busy[connection])
        return found

    def _begin(self, number: int) -> list[Event]:
        run, request = self._waiting.popleft()
        worker = self._workers.get(number) or self._start(number)
        worker.run = run
        try:
            worker.connection.send((run, request, self.seconds_left()))
        except OSError:
            return self._lost(number)
        return [Began(run, _name(number))]

    def _start(self, number: int) -> _Worker:
        ours, theirs = SPAWN.Pipe()
        mine = self.accelerators[number % len(self.accelerators)] if self.accelerators else None
        told = (theirs, _name(number), self.threads, mine, self.do)
        process = SPAWN.Process(target=_serve, args=told, name=_name(number))
        process.start()
        theirs.close()  # so that the end of the process ends the connection
        self._workers[number] = _Worker(process, ours)
        return self._workers[number]

    def _hear(self, number: int) -> list[Event]:
        worker = self._workers[number]
        try:
            event = worker.connection.recv()
        except (EOFError, OSError, UnpicklingError):
            return self._lost(number)
        if isinstance(event, Ended):
            worker.run = None
        return [event]

    def _lost(self, number: int) -> list[Event]:
        worker = self._workers.pop(number)
        worker.connection.close()
        worker.process.join(LEAVE_SECONDS)
        if worker.run is None:
            return []  # it died between two runs
        return [Lost(worker.run, f"process {worker.process.pid} {_end_of(worker.process.exitcode)}")]

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the processes that are at work; what is kept stays."""
        for worker in self._workers.values():
            worker.connection.close()  # at which one that waits for work ends
            if worker.run is not None:
                worker.process.terminate()
        for worker in self._workers.values():
            worker.process.join(LEAVE_SECONDS)
            worker.process.kill()


def _name(number: int) -> str:
    return f"process {number + 1}"


def _end_of(status: int | None) -> str:
    if status is None:
        return "does not answer"
    if status >= 0:
        return f"ended with status {status}"
    name = signal.Signals(-status).name
    hint = ", perhaps because memory ran out" if name == "SIGKILL" else ""  # no such signal on Windows
    return f"was ended by {name}{hint}"


class _ToParent(Telling):
    def __init__(self, run: int, connection: Connection) -> None:
        super().__init__(run)
        self.connection = connection

    def send(self, event: Event) -> None:
        """Write to the parent, unless it listens no more."""
        with suppress(OSError):
            self.connection.send(event)


def _serve(connection: Connection, name: str, threads: int, accelerator: str | None, do: Do) -> None:
    """Do what the parent sends until it is gone."""
    signal.signal(signal.SIGTERM, _stop)  # by which the parent asks
    follow_parent()
    # Both are read once, when torch is loaded and when it looks for accelerators.
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if accelerator is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = accelerator
    wait_passively()
    # The outer one is for a signal that comes while the connection's end is dealt with.
    with suppress(KeyboardInterrupt), suppress(EOFError, OSError):
        while True:
            run, request, seconds = connection.recv()
            telling = _ToParent(run, connection)
            telling.send(Ended(run, do(request, telling, name, seconds)))


def _stop(number: int, _: object) -> None:
    raise KeyboardInterrupt
