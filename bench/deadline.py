"""A time by which work has to stop: for machines that are lent for minutes or hours."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.errors import BenchError
from bench.progress import Reporter, Task

UNITS = {"h": 3600, "m": 60, "s": 1}
DURATION = re.compile(r"(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")
SOON_SECONDS = 2.0
"""An estimate of what is left is believed once work has taken so long."""
TOO_LONG = 0.9
"""Work that takes more than this share of the whole limit will not fit the next time either."""


class TimeIsUp(Exception):
    """Work has stopped at its time limit, and goes on from what is kept. No mistake of the user's, no defect."""


def read_duration(text: str) -> float:
    """Read a duration as seconds: ``9m``, ``1h30m``, ``90s``, ``90``. Raises BenchError for another text, and for 0."""
    found = DURATION.fullmatch(text.strip().lower())
    parts = found.groups() if found else ()
    seconds = sum(int(part or 0) * size for part, size in zip(parts, UNITS.values(), strict=bool(parts)))
    if not seconds:
        raise BenchError(f"a time limit is a duration above 0 as 90s, 9m or 1h30m, not {text!r}")
    return float(seconds)


class Deadline:
    """A moment by which to stop, ``seconds`` from now on; infinity is never."""

    def __init__(self, seconds: float = math.inf, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self._clock = seconds, clock
        self._at = clock() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left, below 0 once it has passed."""
        return self._at - self._clock()

    def check(self, what: str) -> None:
        """Raise TimeIsUp, naming what comes next, where no time is left."""
        if self.left <= 0:
            raise TimeIsUp(f"before {what}")

    def watching(self, reporter: Reporter, total: int, what: str) -> Reporter:
        """Report ``total`` units of work that are kept only when all are done, and stop it as soon as that cannot be.

        The reporter's tasks raise TimeIsUp where the rest does not fit into the time that is left, and BenchError where
        the whole would not even fit into a limit of its own.
        """
        return reporter if math.isinf(self.seconds) else _Watching(self, reporter, total, what)

    def _judge(self, elapsed: float, share_done: float, what: str) -> None:
        expected = elapsed / share_done
        if elapsed - expected + self.left > 0:
            return
        if expected > TOO_LONG * self.seconds:
            raise BenchError(
                f"{what} takes about {expected:.0f} s in one piece, and the time limit is {self.seconds:.0f} s: "
                "give a longer one"
            )
        raise TimeIsUp(f"while {what}, which begins again")


NEVER = Deadline()
"""No time limit."""


class _Watching:
    """A reporter whose tasks look at the clock."""

    def __init__(self, deadline: Deadline, reporter: Reporter, total: int, what: str) -> None:
        self.deadline, self.reporter, self.total, self.what = deadline, reporter, total, what
        self.left_at_start, self.done = deadline.left, 0

    def note(self, message: str) -> None:
        """Pass a line on."""
        self.reporter.note(message)

    @contextmanager
    def task(self, title: str, total: int, *, unit: str = "") -> Iterator[Task]:
        """Open a bar, and look at the clock whenever it advances."""
        with self.reporter.task(title, total, unit=unit) as task:
            yield _WatchedTask(self, task)


class _WatchedTask:
    def __init__(self, watching: _Watching, task: Task) -> None:
        self.watching, self.task = watching, task

    def advance(self, amount: int = 1, *, status: str = "") -> None:
        """Advance, and stop where the rest of the work does not fit."""
        self.task.advance(amount, status=status)
        watching = self.watching
        watching.done += amount
        elapsed = watching.left_at_start - watching.deadline.left
        if watching.done < watching.total and (elapsed > SOON_SECONDS or watching.deadline.left <= 0):
            watching.deadline._judge(elapsed, watching.done / watching.total, watching.what)
