"""One run of a grid, done where it was sent."""

from __future__ import annotations

import math
import platform
import time
import traceback
from collections.abc import Callable
from typing import TypeVar

from bench.at_work import at_work
from bench.deadline import NEVER, Deadline, TimeIsUp
from bench.errors import BenchError
from bench.progress import Reporter
from bench.running.request import RunRequest
from bench.running.workers.events import Outcome
from bench.runs.folder import FolderHeld

Result = TypeVar("Result")
PATIENCE_SECONDS = 60.0
"""How long the folder of a run may be held by another process: a worker that was given up takes a while to die."""
LOOK_EVERY_SECONDS = 0.5


def do_run(request: RunRequest, reporter: Reporter, where: str = "", seconds: float = math.inf) -> Outcome:
    """Do a run in at most ``seconds``, and say what became of it: no exception of it comes through.

    What the user can mend is told in a line, a defect with its traceback.
    """
    from bench.running.run import run

    where = where or platform.node()
    deadline = NEVER if math.isinf(seconds) else Deadline(seconds)
    try:
        with at_work("run"):
            result = patiently(lambda: run(request, reporter, deadline))
    except TimeIsUp as stopped:
        return Outcome(where, stopped=str(stopped))
    except BenchError as problem:
        return Outcome(where, failed=str(problem))
    except Exception:
        return Outcome(where, failed=traceback.format_exc())
    return Outcome(where, records=result.path.relative_to(request.results).as_posix(), cached=result.cached)


def patiently(attempt: Callable[[], Result], patience_seconds: float = PATIENCE_SECONDS) -> Result:
    """Do something, again and again while another process holds the run's folder. Raises FolderHeld in the end."""
    until = time.monotonic() + patience_seconds
    while True:
        try:
            return attempt()
        except FolderHeld:
            if time.monotonic() >= until:
                raise
            time.sleep(LOOK_EVERY_SECONDS)
