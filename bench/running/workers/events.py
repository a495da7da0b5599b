"""What is heard of the runs of a grid while workers are at them, and what becomes of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from bench.progress import Task
from bench.running.request import RunRequest

TOLD_EVERY_SECONDS = 1.0
"""Least time between two words on how far one run is."""


@dataclass(frozen=True)
class Outcome:
    """What became of a run: where its records are, or why there are none.

    ``records`` is their place under the results folder. ``failed`` says what went wrong, ``stopped`` where the time was
    up. ``archive`` has the files of the run where the worker could not reach the results folder.
    """

    where: str
    records: str = ""
    cached: bool = False
    failed: str = ""
    stopped: str = ""
    archive: bytes = b""


@dataclass(frozen=True)
class Began:
    """A worker began run ``run``, by its number in the grid."""

    run: int
    where: str


@dataclass(frozen=True)
class Said:
    """How far a run is; ``lasting`` is a remark that is not replaced by the next word."""

    run: int
    text: str
    lasting: bool = False


@dataclass(frozen=True)
class Ended:
    """A run ended, well or not."""

    run: int
    outcome: Outcome


@dataclass(frozen=True)
class Lost:
    """The worker of a run is gone, and nothing was heard of why beyond ``reason``; ``again``: it is tried again."""

    run: int
    reason: str
    again: bool = False


Event = Began | Said | Ended | Lost


class Workers(AbstractContextManager["Workers"], Protocol):
    """Those who do the runs. Entering gets them ready, leaving stops whatever is still at work."""

    retries: int
    """How often a run whose worker was lost is handed in again; 0 where the workers' own engine does that."""

    def submit(self, requests: Sequence[tuple[int, RunRequest]]) -> None:
        """Hand runs in by their numbers; those for which no worker is free wait."""

    def events(self) -> Sequence[Event]:
        """Wait a moment for news, and give them in order."""


class Telling:
    """A reporter whose words go to the process that started the run: remarks at once, progress now and then."""

    def __init__(self, run: int) -> None:
        self.run = run

    def send(self, event: Event) -> None:
        """Send a word on its way."""
        raise NotImplementedError

    def note(self, message: str) -> None:
        """Pass a remark on."""
        self.send(Said(self.run, message, lasting=True))

    @contextmanager
    def task(self, title: str, total: int, *, unit: str = "") -> Iterator[Task]:
        """Pass progress on, where the last word is old enough."""
        yield _ToldTask(self, title, total, unit)


class _ToldTask:
    def __init__(self, telling: Telling, title: str, total: int, unit: str) -> None:
        self.telling, self.title, self.total, self.unit = telling, title, total, unit
        self.done, self.said, self.status = 0, 0.0, ""

    def advance(self, amount: int = 1, *, status: str = "") -> None:
        """Count on, and say so where that is due."""
        self.done += amount
        self.status = status or self.status
        if monotonic() - self.said >= TOLD_EVERY_SECONDS:
            self.said = monotonic()
            far = f"{self.title} {self.done:,}/{self.total:,} {self.unit}".rstrip()
            self.telling.send(Said(self.telling.run, ", ".join(filter(None, (far, self.status)))))
