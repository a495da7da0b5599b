"""Commands in processes of their own, forked from one that has imported everything: a case costs no imports."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.cli.app import COMMANDS

PRELOADED = [
    *(f"bench.cli.{function.partition(':')[0]}" for function in COMMANDS.values()),
    "bench.running.run",
    "bench.running.fitting",
    "bench.report.write",
    "hashreid.ets",
    "hashreid.network",
    "fvcore.nn.jit_analysis",
    "sklearn.linear_model",
    "typer._adapters",  # by which Typer reads numbers and paths: a third of a command that is refused
]
"""What the commands import, and the libraries that they import only where they need them."""
LONGEST_SECONDS = 300
PATIENCE_SECONDS = 10
"""How long workers may take to end after the command that started them."""
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""One thread, so that sums are added in one order."""


class NeverEndedError(AssertionError):
    """A command that was still at work when it should have ended long before; it was killed."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: its status (negative: the signal), what it said, and processes that outlived it."""

    status: int
    out: str
    err: str
    orphans: int

    @property
    def tracebacks(self) -> int:
        """How many it printed."""
        return self.err.count("Traceback (most recent call last)")


class Started:
    """A command at work."""

    def __init__(self, process: Any, said: Path) -> None:
        self.process, self.said = process, said

    def signal_after(self, seconds: float, number: signal.Signals) -> None:
        """Let it work for some seconds, and send it alone a signal unless it has ended."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            os.kill(self.process.pid, number)

    def end(self) -> Ended:
        """Wait for it, and for whatever it started."""
        self.process.join(LONGEST_SECONDS)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            raise NeverEndedError(f"a command had not ended after {LONGEST_SECONDS} s: {self.said}")
        left = _left_of(self.process.pid)
        out, err = ((self.said / name).read_text(errors="replace") for name in ("out", "err"))
        return Ended(self.process.exitcode, out, err, left)


class Starter:
    """Starts commands; made once, for it takes seconds."""

    def __init__(self) -> None:
        os.environ |= ENVIRONMENT
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(PRELOADED)
        self.count = 0

    def start(
        self,
        arguments: Sequence[object],
        said: Path,
        *,
        most_bytes: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Started:
        """Start ``bench`` with arguments; it works once this returns. No file of it may exceed ``most_bytes``.

        ``environment`` is added to that of the process which it is forked from.
        """
        self.count += 1
        said = said / str(self.count)
        said.mkdir(parents=True)
        here, there = self.context.Pipe(duplex=False)
        process = self.context.Process(
            target=_become, args=(list(map(str, arguments)), said, most_bytes, environment or {}, there)
        )
        process.start()
        there.close()
        here.recv()
        return Started(process, said)

    def run(self, arguments: Sequence[object], said: Path, *, most_bytes: int | None = None) -> Ended:
        """Run a command to its end."""
        return self.start(arguments, said, most_bytes=most_bytes).end()


def _become(
    arguments: list[str], said: Path, most_bytes: int | None, environment: Mapping[str, str], ready: Connection
) -> None:
    """Be the command from here on."""
    os.setsid()
    os.environ |= environment
    for descriptor, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(said / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), descriptor)
    if most_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    # Before and after the command, signals end the process as they end any other.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.argv = ["bench", *arguments]
    os.chdir(said)  # what a command writes to where it is started must not land in a source tree

    import torch

    from bench.cli import main

    torch.set_num_threads(1)
    ready.send(True)
    status: Any = 0
    try:
        main()
    except SystemExit as ended:
        status = ended.code or 0
    except BaseException:
        traceback.print_exc()
        status = 99
    sys.stdout.flush()
    os._exit(status)


def _left_of(session: int) -> int:
    """Wait for the processes of a session; those that do not end are counted, and killed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (left := _session(session)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return len(left)


def _session(session: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            if int(fields[3]) == session and fields[0] not in "ZX":
                found.append(int(entry.name))
    return found
